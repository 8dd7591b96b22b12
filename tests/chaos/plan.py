"""Schedule of faults, drawn from a seed; the same seed gives the same schedule."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """Kind of fault. The value is its name in the report."""

    KILL_WORKER = "worker killed (-9)"
    STOP_WORKER = "worker stopped (SIGTERM)"
    FREEZE_WORKER = "worker frozen (SIGSTOP)"
    STEP_CLOCK = "clock of a worker stepped"
    KILL_API = "API killed (-9)"
    KILL_BROKER = "broker killed, back empty"
    EMPTY_BROKER = "broker emptied"
    STOP_DATABASE = "database stopped at once"
    BREAK_ROW = "unreadable job in the database"
    FILL_DISK = "picture store takes nothing"
    HANG_STORE = "picture store hangs"
    STORM = "provider: 429 storm"
    ERRORS = "provider: 5xx"
    HANGS = "provider: hangs"
    CUTS = "provider: cut answers"
    CUT_LINK = "network cut"
    MUTE_LINK = "network mute, then cut"  # requests arrive, responses do not
    ATTACK = "hostile caller"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a target; the faults of one target do not overlap."""

    at: float  #: seconds after the start
    kind: Kind
    target: str
    seconds: float  #: until it is repaired
    step: float = 0.0  #: seconds by which a clock is ahead meanwhile

    def __str__(self) -> str:
        step = f", by {self.step:+.0f} s" if self.step else ""
        return f"{self.at:6.1f} s  {self.kind}: {self.target}, {self.seconds:.1f} s{step}"


@dataclass(frozen=True, slots=True)
class Scenario:
    """Size of the fleet and length of the run. Times are in seconds."""

    workers: int
    apis: int
    length: float  #: of the schedule
    worker_timeout: float  #: frozen workers are frozen for longer
    longest: float  #: of an outage
    pause: tuple[float, float]  #: between the starts of two faults
    kinds: Sequence[Kind] = tuple(Kind)
    other_settings: bool = True  #: the last worker's settings lack a channel


_STEPS = (-86_400.0, -600.0, -20.0, 20.0, 600.0, 86_400.0)  # seconds
_PROVIDER_FAULTS = (Kind.STORM, Kind.ERRORS, Kind.HANGS, Kind.CUTS)


def draw_plan(seed: int, scenario: Scenario) -> Sequence[Fault]:
    """Draw a schedule with each kind of fault at least once, if the length allows it."""
    rng = random.Random(seed)
    kinds = list(scenario.kinds)
    rng.shuffle(kinds)
    busy: dict[str, float] = {}
    faults: list[Fault] = []
    moment = 1.0
    while moment < scenario.length:
        kind = kinds.pop() if kinds else rng.choice(scenario.kinds)
        target, seconds = _target(kind, scenario, rng), _seconds(kind, scenario, rng)
        at = max(moment, busy.get(target, 0.0))
        busy[target] = at + seconds + 1.0
        step = rng.choice(_STEPS) if kind is Kind.STEP_CLOCK else 0.0
        faults.append(Fault(round(at, 2), kind, target, round(seconds, 2), step))
        moment += rng.uniform(*scenario.pause)
    return sorted(faults, key=lambda fault: fault.at)


def links(scenario: Scenario) -> Sequence[str]:
    """Return the names of the network links that can be cut."""
    workers = (f"worker {number} to database" for number in range(scenario.workers))
    return (*workers, "APIs to database", "all to broker", "workers to provider")


def _target(kind: Kind, scenario: Scenario, rng: random.Random) -> str:
    match kind:
        case Kind.KILL_WORKER | Kind.STOP_WORKER | Kind.FREEZE_WORKER | Kind.STEP_CLOCK:
            return f"worker {rng.randrange(scenario.workers)}"
        case Kind.KILL_API:
            return f"API {rng.randrange(scenario.apis)}"
        case Kind.KILL_BROKER | Kind.EMPTY_BROKER:
            return "broker"
        case Kind.STOP_DATABASE:
            return "database"
        case Kind.BREAK_ROW:
            return "jobs"
        case Kind.FILL_DISK | Kind.HANG_STORE:
            return "picture store"
        case Kind.ATTACK:
            return "APIs"
        case Kind.CUT_LINK | Kind.MUTE_LINK:
            return rng.choice(links(scenario))
    return "provider"


def _seconds(kind: Kind, scenario: Scenario, rng: random.Random) -> float:
    if kind in (Kind.FREEZE_WORKER, Kind.STEP_CLOCK):
        return scenario.worker_timeout + rng.uniform(2.0, 4.0)  # reaped while it is frozen
    if kind in (Kind.STOP_DATABASE, Kind.FILL_DISK, Kind.HANG_STORE, Kind.CUT_LINK):
        return rng.uniform(1.0, scenario.longest)
    if kind in _PROVIDER_FAULTS:
        return rng.uniform(1.0, min(scenario.longest, 6.0))
    if kind is Kind.MUTE_LINK:
        return rng.uniform(0.5, min(scenario.longest, 5.0))
    return rng.uniform(0.2, min(scenario.longest, 3.0))
