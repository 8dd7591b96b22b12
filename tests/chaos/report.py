"""Report of a run: its table, and the history of a job."""

from collections import Counter
from collections.abc import Mapping, Sequence

from tests.chaos.facts import Facts
from tests.chaos.fault_injector import InjectedFault
from tests.chaos.verify import Finding


def table(
    *,
    seed: int,
    injected: Sequence[InjectedFault],
    statuses: Mapping[str, int],
    answers: Mapping[str, int],
    calls: int,
    restarts: int,
    finding: Finding,
    seconds: float,
) -> str:
    """Return the table of faults and results."""
    kinds = Counter(str(record.fault.kind) for record in injected)
    ends = ", ".join(f"{count} {status}" for status, count in sorted(statuses.items()))
    errors = ", ".join(f"{count} × {status}" for status, count in sorted(answers.items()) if status >= "5")
    rows = [
        ("seed", str(seed)),
        ("jobs", f"{sum(statuses.values())}: {ends}"),
        ("calls", str(calls)),
        ("faults", str(len(injected))),
        *((f"  {kind}", str(count)) for kind, count in sorted(kinds.items())),
        ("processes started again", str(restarts)),
        ("API errors meanwhile", errors or "none"),
        ("lost", str(finding.lost)),
        ("doubled", str(finding.doubled)),
        ("calls repeated, fate unknown", str(finding.repeated)),
        ("  because of crashes", f"{finding.crashed} (in flight on affected workers: {finding.in_flight})"),
        ("  because of late heartbeats", str(finding.late)),
        ("longest stall", f"{finding.stall:.1f} s"),
        ("took", f"{seconds:.0f} s"),
        ("result", "passed" if not finding.violations else f"{len(finding.violations)} violations"),
    ]
    return "\n".join(f"{name:<32} {value}" for name, value in rows)


def history(facts: Facts, violation: str) -> str:
    """Return all records of the job that a violation names."""
    named = next((job for job in facts.prompts if str(job) in violation), None)
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
