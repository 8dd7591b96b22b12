"""The table at the end of a run."""

from collections import Counter
from collections.abc import Mapping, Sequence

from tests.chaos.facts import Facts
from tests.chaos.faults import Injury
from tests.chaos.verify import Finding


def table(
    *,
    seed: int,
    injuries: Sequence[Injury],
    statuses: Mapping[str, int],
    answers: Mapping[str, int],
    calls: int,
    restarts: int,
    finding: Finding,
    seconds: float,
) -> str:
    """Write what was broken and what came of it."""
    kinds = Counter(str(injury.fault.kind) for injury in injuries)
    ends = ", ".join(f"{count} {status}" for status, count in sorted(statuses.items()))
    errors = ", ".join(f"{count} × {status}" for status, count in sorted(answers.items()) if status >= "5")
    rows = [
        ("seed", str(seed)),
        ("jobs", f"{sum(statuses.values())}: {ends}"),
        ("calls", str(calls)),
        ("faults", str(len(injuries))),
        *((f"  {kind}", str(count)) for kind, count in sorted(kinds.items())),
        ("processes started again", str(restarts)),
        ("API errors meanwhile", errors or "none"),
        ("lost", str(finding.lost)),
        ("doubled", str(finding.doubled)),
        ("calls repeated, fate unknown", str(finding.repeated)),
        ("  because of crashes", f"{finding.crashed} (in flight on what fell: {finding.in_flight})"),
        ("longest stall", f"{finding.stall:.1f} s"),
        ("took", f"{seconds:.0f} s"),
        ("verdict", "passed" if not finding.complaints else f"{len(finding.complaints)} complaints"),
    ]
    return "\n".join(f"{name:<32} {value}" for name, value in rows)


def history(facts: Facts, complaint: str) -> str:
    """Tell all that is known of the job that a complaint names."""
    named = next((job for job in facts.prompts if str(job) in complaint), None)
    if named is None:
        return ""
    lines = [
        *(
            f"{row['at']:%H:%M:%S.%f} {row['status']}: {row['detail']}"
            for row in facts.events
            if row["job_id"] == named
        ),
        *(
            f"attempt {row['number']} of {row['worker_id']}, {row['sent_at']:%H:%M:%S.%f} to "
            f"{row['finished_at']}: {row['outcome']}, {row['error_code']}, {row['billed']}"
            for row in facts.attempts
            if row["job_id"] == named
        ),
        *(f"call {call}" for call in facts.calls if call.prompt == facts.prompts[named]),
    ]
    return "\n".join(f"      {line}" for line in lines)
