"""Making things go wrong, and mending them."""

import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from tests.chaos.fleet import ChaosFleet
from tests.chaos.plan import Fault, Kind

_MOODS: Mapping[Kind, Mapping[str, object]] = {
    Kind.STORM: {"fail": "429", "share": 0.9},
    Kind.ERRORS: {"fail": "502", "share": 0.7},
    Kind.HANGS: {"fail": "stall", "share": 0.4},
    Kind.CUTS: {"fail": "cut", "share": 0.5},
}


@dataclass(slots=True)
class Injury:
    """A fault as it really happened: when, and to which worker, by the id it had then."""

    fault: Fault
    began: datetime
    ended: datetime | None = None
    worker_id: UUID | None = None


class Saboteur:
    """Performs faults on a fleet, and remembers what it did."""

    def __init__(self, fleet: ChaosFleet) -> None:
        self._fleet = fleet
        self.injuries: list[Injury] = []

    def begin(self, error: Fault) -> Callable[[], None]:
        """Let it happen; returns what mends it."""
        injury = Injury(error, _now(), worker_id=self._victim(error))
        self.injuries.append(injury)
        mend = self._break(error)

        def mended() -> None:
            mend()
            injury.ended = _now()

        return mended

    def _victim(self, error: Fault) -> UUID | None:
        if not error.target.startswith("worker "):
            return None
        known = self._fleet.worker_ids(int(error.target.split()[1]))
        return known[-1] if known else None

    def _break(self, error: Fault) -> Callable[[], None]:
        fleet, kind = self._fleet, error.kind
        match kind:
            case Kind.STOP_WORKER:
                fleet.process(error.target).send(signal.SIGTERM)
                return _nothing
            case Kind.FREEZE_WORKER:
                fleet.process(error.target).send(signal.SIGSTOP)
                return lambda: fleet.process(error.target).send(signal.SIGCONT)
            case Kind.KILL_WORKER | Kind.KILL_API:
                fleet.down.add(error.target)
                fleet.process(error.target).end()
                return lambda: fleet.down.discard(error.target)
            case Kind.KILL_BROKER:
                fleet.broker.stop()
                return fleet.broker.start
            case Kind.EMPTY_BROKER:
                fleet.broker.flush()
                return _nothing
            case Kind.STOP_DATABASE:
                fleet.postgres.stop()
                return fleet.postgres.start
            case Kind.FILL_DISK:
                return _fill(fleet)
            case Kind.CUT_LINK | Kind.MUTE_LINK:
                fleet.link(error.target, "cut" if kind is Kind.CUT_LINK else "mute")
                return lambda: fleet.link(error.target, "mend")
        fleet.practice.set_conditions(**_MOODS[kind])
        return fleet.practice.set_conditions


def _fill(fleet: ChaosFleet) -> Callable[[], None]:
    """Let every write to the store fail: no permission binds root, but nobody writes below a file."""
    aside = fleet.folder / "pictures aside"
    fleet.pictures.rename(aside)
    fleet.pictures.write_bytes(b"the disk is full")

    def free() -> None:
        fleet.pictures.unlink()
        aside.rename(fleet.pictures)

    return free


def _nothing() -> None:
    """It mends itself."""


def _now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)
