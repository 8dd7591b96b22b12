"""What goes wrong, when, and for how long: drawn from a seed, the same for the same seed."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What can go wrong. Each value is how the table calls it."""

    KILL_WORKER = "worker killed (-9)"
    STOP_WORKER = "worker stopped (SIGTERM)"
    FREEZE_WORKER = "worker frozen (SIGSTOP)"
    KILL_API = "API killed (-9)"
    KILL_BROKER = "broker killed, back empty"
    EMPTY_BROKER = "broker emptied"
    STOP_DATABASE = "database stopped at once"
    FILL_DISK = "picture store takes nothing"
    STORM = "provider: 429 storm"
    ERRORS = "provider: 5xx"
    HANGS = "provider: hangs"
    CUTS = "provider: cut answers"
    CUT_LINK = "network cut"
    MUTE_LINK = "network mute, then cut"  # what was asked arrives, the answer does not


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong. ``target`` says to what it happens; nothing happens twice at once to it."""

    at: float  #: seconds after the start
    kind: Kind
    target: str
    seconds: float  #: until it is mended

    def __str__(self) -> str:
        return f"{self.at:6.1f} s  {self.kind}: {self.target}, {self.seconds:.1f} s"


@dataclass(frozen=True, slots=True)
class Stage:
    """What there is to break. Times are seconds."""

    workers: int
    apis: int
    length: float  #: of the schedule
    worker_timeout: float  #: frozen workers sleep longer than that
    longest: float  #: outages are at most that long
    pause: tuple[float, float]  #: between the beginnings of two faults


_MOODS = (Kind.STORM, Kind.ERRORS, Kind.HANGS, Kind.CUTS)


def draw_plan(seed: int, stage: Stage) -> Sequence[Fault]:
    """Draw a schedule in which every kind happens at least once, if the length allows it."""
    dice = random.Random(seed)
    kinds = list(Kind)
    dice.shuffle(kinds)
    busy: dict[str, float] = {}
    faults: list[Fault] = []
    moment = 1.0
    while moment < stage.length:
        kind = kinds.pop() if kinds else dice.choice(list(Kind))
        target, seconds = _target(kind, stage, dice), _seconds(kind, stage, dice)
        at = max(moment, busy.get(target, 0.0))
        busy[target] = at + seconds + 1.0
        faults.append(Fault(round(at, 2), kind, target, round(seconds, 2)))
        moment += dice.uniform(*stage.pause)
    return sorted(faults, key=lambda error: error.at)


def links(stage: Stage) -> Sequence[str]:
    """Name the connections that can be cut."""
    workers = (f"worker {number} to database" for number in range(stage.workers))
    return (*workers, "APIs to database", "all to broker", "workers to provider")


def _target(kind: Kind, stage: Stage, dice: random.Random) -> str:
    match kind:
        case Kind.KILL_WORKER | Kind.STOP_WORKER | Kind.FREEZE_WORKER:
            return f"worker {dice.randrange(stage.workers)}"
        case Kind.KILL_API:
            return f"API {dice.randrange(stage.apis)}"
        case Kind.KILL_BROKER | Kind.EMPTY_BROKER:
            return "broker"
        case Kind.STOP_DATABASE:
            return "database"
        case Kind.FILL_DISK:
            return "picture store"
        case Kind.CUT_LINK | Kind.MUTE_LINK:
            return dice.choice(links(stage))
    return "provider"


def _seconds(kind: Kind, stage: Stage, dice: random.Random) -> float:
    if kind is Kind.FREEZE_WORKER:
        return stage.worker_timeout + dice.uniform(2.0, 4.0)  # given up while it sleeps
    if kind in (Kind.STOP_DATABASE, Kind.FILL_DISK, Kind.CUT_LINK):
        return dice.uniform(1.0, stage.longest)
    if kind in _MOODS:
        return dice.uniform(1.0, min(stage.longest, 6.0))
    if kind is Kind.MUTE_LINK:
        return dice.uniform(0.5, min(stage.longest, 5.0))
    return dice.uniform(0.2, min(stage.longest, 3.0))
