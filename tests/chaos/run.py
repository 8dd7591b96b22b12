"""One run: submit jobs while faults are injected; then repair everything and verify the data."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from models.ids import parse_id, public_id
from models.states import FINAL
from tests.chaos.facts import Facts, NetworkCut, WorkerOutage, collect
from tests.chaos.fault_injector import FaultInjector, InjectedFault
from tests.chaos.fleet import UNREADABLE, ChaosFleet
from tests.chaos.hostile import HostileCaller
from tests.chaos.plan import Fault, Kind, Scenario, draw_plan
from tests.chaos.report import table
from tests.chaos.submitter import JobSubmitter
from tests.chaos.verify import Finding, compare

_TICK = 0.05  # seconds
_WORKER_FAULTS = (Kind.KILL_WORKER, Kind.STOP_WORKER, Kind.FREEZE_WORKER, Kind.CUT_LINK, Kind.MUTE_LINK)
_COUNT = f"SELECT status, count(*) AS jobs FROM jobs WHERE prompt <> '{UNREADABLE}' GROUP BY status"
_ENDED = sorted(status.value for status in FINAL)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Result of a run."""

    finding: Finding
    facts: Facts
    table: str


def run(
    folder: Path,
    scenario: Scenario,
    *,
    seed: int,
    jobs: int,
    delay: str = "0.3-1.5",
    timeout: float = 90,
    log: Callable[[str], None] = print,
) -> Outcome:
    """Do one run. After ``timeout`` seconds in which no job ends, the others count as lost."""
    plan = draw_plan(seed, scenario)
    log(f"seed {seed}, {jobs} jobs, {len(plan)} faults:")
    for fault in plan:
        log(f"  {fault}")
    began = time.monotonic()
    with ChaosFleet(folder, scenario, delay=delay) as fleet:
        hostile = HostileCaller(fleet.urls)
        injector = FaultInjector(fleet, hostile)
        submitter = JobSubmitter(fleet.urls, seed, jobs, over=scenario.length * 0.9)
        try:
            submitter.start()
            _inject_faults(fleet, injector, plan, submitter)
            hostile.finish()
            released = _wait_until_ended(fleet, submitter, hostile, seed, timeout, log)
            fleet.delete_unreadable_jobs()
        finally:
            submitter.close()
            hostile.close()
        accepted = {**submitter.accepted, **hostile.accepted}
        prompts = {parse_id("job", job_id): prompt for job_id, prompt in accepted.items()}
        facts = collect(
            fleet,
            prompts,
            released,
            _worker_outages(injector.injected),
            _network_cuts(injector.injected),
            Counter(submitter.responses) + Counter(hostile.responses),
            [each.heartbeat_age for each in injector.injected if each.heartbeat_age is not None],
        )
        finding = compare(facts)
        lines = table(
            seed=seed,
            injected=injector.injected,
            statuses=Counter(str(row["status"]) for row in facts.jobs),
            answers=facts.responses,
            calls=len(facts.calls),
            restarts=fleet.restarts,
            finding=finding,
            seconds=time.monotonic() - began,
        )
    return Outcome(finding, facts, lines)


def _inject_faults(
    fleet: ChaosFleet, injector: FaultInjector, plan: Sequence[Fault], submitter: JobSubmitter
) -> None:
    """Inject each fault at its time, and repair it after its duration."""
    began, waiting = time.monotonic(), list(plan)
    broken: list[tuple[float, Fault, Callable[[], None]]] = []
    while waiting or broken:
        moment = time.monotonic() - began
        while waiting and waiting[0].at <= moment:
            fault = waiting.pop(0)
            broken.append((moment + fault.seconds, fault, injector.inject(fault)))
        for due in [each for each in broken if each[0] <= moment]:
            broken.remove(due)
            due[2]()
            if due[1].target == "provider":
                submitter.storm_over.set()
        fleet.supervise()
        time.sleep(_TICK)


def _wait_until_ended(
    fleet: ChaosFleet,
    submitter: JobSubmitter,
    hostile: HostileCaller,
    seed: int,
    timeout: float,
    log: Callable[[str], None],
) -> Mapping[UUID, int]:
    """Wait until all jobs have ended, and decide about held ones; return how often each was released."""
    released: Counter[UUID] = Counter()
    ended, deadline = 0, time.monotonic() + timeout
    while time.monotonic() < deadline:
        fleet.supervise()
        if submitter.failure:
            raise submitter.failure
        rows = fleet.rows(_COUNT)
        counts = {row["status"]: row["jobs"] for row in rows}
        if submitter.done:
            submitter.resume_channels()
        before, ended = ended, sum(counts.get(status, 0) for status in _ENDED)
        if submitter.done and hostile.done and ended == sum(counts.values()):
            return released
        if ended > before:
            deadline = time.monotonic() + timeout
        if submitter.done and counts.get("held", 0):
            held = fleet.rows("SELECT id FROM jobs WHERE status = 'held' AND worker_id IS NULL LIMIT 1000")
            chosen = submitter.decide([public_id("job", row["id"]) for row in held], seed)
            released.update(parse_id("job", job_id) for job_id in chosen)
        time.sleep(0.5)
    log(f"no job ended within {timeout:g} s: {counts}")
    log(_stalled_state(fleet))
    return released


def _stalled_state(fleet: ChaosFleet) -> str:
    """Return the rows that show why no job ends."""
    leased = fleet.rows(
        "SELECT worker_id, status, count(*) AS jobs FROM jobs WHERE worker_id IS NOT NULL GROUP BY 1, 2"
    )
    channels = fleet.rows("SELECT * FROM channels")
    workers = fleet.rows("SELECT id, heartbeat_at FROM workers")
    return "\n".join(str(dict(row)) for row in (*leased, *channels, *workers))


def _worker_outages(injected: Sequence[InjectedFault]) -> Sequence[WorkerOutage]:
    return [
        WorkerOutage(record.worker_id, record.began)
        for record in injected
        if record.worker_id is not None and record.fault.kind in _WORKER_FAULTS
    ]


def _network_cuts(injected: Sequence[InjectedFault]) -> Sequence[NetworkCut]:
    return [
        NetworkCut(record.began, record.ended)
        for record in injected
        if record.fault.target == "workers to provider"
    ]
