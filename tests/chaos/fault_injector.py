"""Fault injection: apply the faults of a plan to a fleet, and repair them."""

import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Thread
from uuid import UUID

from tests.chaos.fleet import ChaosFleet
from tests.chaos.hostile import HostileCaller
from tests.chaos.plan import Fault, Kind

_CONDITIONS: Mapping[Kind, Mapping[str, object]] = {
    Kind.STORM: {"fail": "429", "share": 0.9},
    Kind.ERRORS: {"fail": "502", "share": 0.7},
    Kind.HANGS: {"fail": "stall", "share": 0.4},
    Kind.CUTS: {"fail": "cut", "share": 0.5},
}


@dataclass(slots=True)
class InjectedFault:
    """A fault as it was injected: its times, and the id of its worker at that time."""

    fault: Fault
    began: datetime
    ended: datetime | None = None
    worker_id: UUID | None = None
    heartbeat_age: float | None = None  #: of a worker with a wrong clock, before it was set right; seconds


class FaultInjector:
    """Injects faults into a fleet, and records them."""

    def __init__(self, fleet: ChaosFleet, hostile: HostileCaller) -> None:
        self._fleet, self._hostile = fleet, hostile
        self.injected: list[InjectedFault] = []

    def inject(self, fault: Fault) -> Callable[[], None]:
        """Inject a fault; return the function that repairs it."""
        record = InjectedFault(fault, _now(), worker_id=self._worker_id(fault))
        self.injected.append(record)
        repair = self._apply(fault)

        def repair_and_record() -> None:
            if fault.kind is Kind.STEP_CLOCK and record.worker_id is not None:
                record.heartbeat_age = self._fleet.heartbeat_age(record.worker_id)
            repair()
            record.ended = _now()

        return repair_and_record

    def _worker_id(self, fault: Fault) -> UUID | None:
        if not fault.target.startswith("worker "):
            return None
        known = self._fleet.worker_ids(int(fault.target.split()[1]))
        return known[-1] if known else None

    def _apply(self, fault: Fault) -> Callable[[], None]:
        fleet, kind = self._fleet, fault.kind
        match kind:
            case Kind.STOP_WORKER:
                fleet.process(fault.target).send(signal.SIGTERM)
                return _nothing
            case Kind.FREEZE_WORKER:
                fleet.process(fault.target).send(signal.SIGSTOP)
                return lambda: fleet.process(fault.target).send(signal.SIGCONT)
            case Kind.KILL_WORKER | Kind.KILL_API:
                fleet.down.add(fault.target)
                fleet.process(fault.target).end()
                return lambda: fleet.down.discard(fault.target)
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
            case Kind.HANG_STORE:
                fleet.hang.touch()
                return fleet.hang.unlink
            case Kind.STEP_CLOCK:
                fleet.set_clock(fault.target, fault.step)
                return lambda: fleet.set_clock(fault.target, 0.0)
            case Kind.BREAK_ROW:
                # in a thread, as the database may just be down
                Thread(target=fleet.insert_unreadable_jobs, daemon=True).start()
                return _nothing
            case Kind.ATTACK:
                self._hostile.attack()
                return _nothing
            case Kind.CUT_LINK | Kind.MUTE_LINK:
                fleet.change_link(fault.target, "cut" if kind is Kind.CUT_LINK else "mute")
                return lambda: fleet.change_link(fault.target, "repair")
        fleet.practice.set_conditions(**_CONDITIONS[kind])
        return fleet.practice.set_conditions


def _fill(fleet: ChaosFleet) -> Callable[[], None]:
    """Make every write to the store fail: a file replaces its folder, since root ignores permissions."""
    aside = fleet.folder / "pictures aside"
    fleet.pictures.rename(aside)
    fleet.pictures.write_bytes(b"the disk is full")

    def free() -> None:
        fleet.pictures.unlink()
        aside.rename(fleet.pictures)

    return free


def _nothing() -> None:
    """Repair nothing: the fault ends by itself."""


def _now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)
