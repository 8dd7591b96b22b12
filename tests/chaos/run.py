"""One run: jobs come in while things go wrong; then everything is mended, and compared."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from models.ids import parse_id, public_id
from models.states import FINAL
from tests.chaos.crowd import Crowd
from tests.chaos.facts import Cut, Facts, Fall, gather
from tests.chaos.faults import Injury, Saboteur
from tests.chaos.fleet import ChaosFleet
from tests.chaos.plan import Fault, Kind, Stage, draw_plan
from tests.chaos.report import table
from tests.chaos.verify import Finding, compare

_TICK = 0.05  # seconds
_FALLS = (Kind.KILL_WORKER, Kind.STOP_WORKER, Kind.FREEZE_WORKER, Kind.CUT_LINK, Kind.MUTE_LINK)
_ENDED = sorted(status.value for status in FINAL)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to."""

    finding: Finding
    facts: Facts
    table: str


def run(
    folder: Path,
    stage: Stage,
    *,
    seed: int,
    jobs: int,
    delay: str = "0.3-1.5",
    patience: float = 90,
    say: Callable[[str], None] = print,
) -> Outcome:
    """Do one run. ``patience``: seconds in which no job ends, after which the rest counts as lost."""
    plan = draw_plan(seed, stage)
    say(f"seed {seed}, {jobs} jobs, {len(plan)} faults:")
    for error in plan:
        say(f"  {error}")
    began = time.monotonic()
    with ChaosFleet(folder, stage, delay=delay) as fleet:
        saboteur = Saboteur(fleet)
        snapshot = Crowd(fleet.urls, seed, jobs, over=stage.length * 0.9)
        try:
            snapshot.start()
            _break(fleet, saboteur, plan, snapshot)
            released = _settle(fleet, snapshot, seed, jobs, patience, say)
        finally:
            snapshot.close()
        prompts = {parse_id("job", job_id): prompt for job_id, prompt in snapshot.accepted.items()}
        facts = gather(fleet, prompts, released, _falls(saboteur.injuries), _cuts(saboteur.injuries))
        finding = compare(facts)
        lines = table(
            seed=seed,
            injuries=saboteur.injuries,
            statuses=Counter(str(row["status"]) for row in facts.jobs),
            answers=snapshot.answers,
            calls=len(facts.calls),
            restarts=fleet.restarts,
            finding=finding,
            seconds=time.monotonic() - began,
        )
    return Outcome(finding, facts, lines)


def _break(fleet: ChaosFleet, saboteur: Saboteur, plan: Sequence[Fault], snapshot: Crowd) -> None:
    """Let everything happen at its time, and mend it after its time."""
    began, waiting = time.monotonic(), list(plan)
    broken: list[tuple[float, Fault, Callable[[], None]]] = []
    while waiting or broken:
        moment = time.monotonic() - began
        while waiting and waiting[0].at <= moment:
            error = waiting.pop(0)
            broken.append((moment + error.seconds, error, saboteur.begin(error)))
        for due in [each for each in broken if each[0] <= moment]:
            broken.remove(due)
            due[2]()
            if due[1].target == "provider":
                snapshot.storm_over.set()
        fleet.supervise()
        time.sleep(_TICK)


def _settle(
    fleet: ChaosFleet,
    snapshot: Crowd,
    seed: int,
    jobs: int,
    patience: float,
    say: Callable[[str], None],
) -> Mapping[UUID, int]:
    """Wait until all jobs have ended, deciding about those that are held; returns what was released."""
    released: Counter[UUID] = Counter()
    ended, deadline = 0, time.monotonic() + patience
    while time.monotonic() < deadline:
        fleet.supervise()
        if snapshot.failure:
            raise snapshot.failure
        rows = fleet.rows("SELECT status, count(*) AS jobs FROM jobs GROUP BY status")
        counts = {row["status"]: row["jobs"] for row in rows}
        if snapshot.done:
            snapshot.open_channel()
        before, ended = ended, sum(counts.get(status, 0) for status in _ENDED)
        if snapshot.done and ended == jobs:
            return released
        if ended > before:
            deadline = time.monotonic() + patience
        if snapshot.done and counts.get("held", 0):
            held = fleet.rows("SELECT id FROM jobs WHERE status = 'held' AND worker_id IS NULL LIMIT 1000")
            given = snapshot.decide([public_id("job", row["id"]) for row in held], seed)
            released.update(parse_id("job", job_id) for job_id in given)
        time.sleep(0.5)
    say(f"no job ended within {patience:g} s: {counts}")
    say(_standing(fleet))
    return released


def _standing(fleet: ChaosFleet) -> str:
    """Tell what a fleet that stands still looks like."""
    hands = fleet.rows(
        "SELECT worker_id, status, count(*) AS jobs FROM jobs WHERE worker_id IS NOT NULL GROUP BY 1, 2"
    )
    channels = fleet.rows("SELECT * FROM channels")
    workers = fleet.rows("SELECT id, heartbeat_at FROM workers")
    return "\n".join(str(dict(row)) for row in (*hands, *channels, *workers))


def _falls(injuries: Sequence[Injury]) -> Sequence[Fall]:
    return [
        Fall(injury.worker_id, injury.began)
        for injury in injuries
        if injury.worker_id is not None and injury.fault.kind in _FALLS
    ]


def _cuts(injuries: Sequence[Injury]) -> Sequence[Cut]:
    return [
        Cut(injury.began, injury.ended) for injury in injuries if injury.fault.target == "workers to provider"
    ]
