"""Jobs in flight in this worker, its free slots, and the channels that are closed for it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from models.queue_status import WaitCause, WaitReason


@dataclass(slots=True)
class ClosedChannels:
    """Channels that are closed for calls, as of the last dispatch round and of this worker's calls since.

    Keys are a channel's name with a model (``""``: all models).
    """

    stopped: Mapping[tuple[str, str], WaitCause] = field(default_factory=dict)  #: until a person acts
    cooling: dict[tuple[str, str], datetime] = field(default_factory=dict)  #: cool-downs, and their ends
    failing: set[tuple[str, str]] = field(default_factory=set)  #: with a breaker that counts failures
    paced: frozenset[tuple[str, str]] = frozenset()  #: with a learned rate, which a late call could exceed
    noted: dict[tuple[str, str], datetime] = field(default_factory=dict)  #: when calls here cooled it down

    def cool(self, channel: str, model: str, until: datetime, now: datetime) -> None:
        """Note a cool-down that a call of this worker caused."""
        self.cooling[channel, model], self.noted[channel, model] = until, now

    def with_notes_since(self, earlier: "ClosedChannels", read: datetime) -> "ClosedChannels":
        """Keep what was noted after the channels were ``read``: their rows do not have it yet."""
        newer = {key: at for key, at in earlier.noted.items() if at >= read}
        cooling = self.cooling | {key: earlier.cooling[key] for key in newer}
        return ClosedChannels(self.stopped, cooling, self.failing, self.paced, newer)

    def reason(self, channel: str, model: str, now: datetime) -> WaitCause | None:
        """Return why no call of this model may start on a channel now, or ``None``."""
        until = max((self.cooling.get((channel, name), now) for name in ("", model)), default=now)
        if until > now:
            return WaitCause(WaitReason.COOLDOWN, "the channel is cooling down", until)
        return self.stopped.get((channel, "")) or self.stopped.get((channel, model))


@dataclass(slots=True)
class InFlightJobs:
    """Jobs leased to this worker, with the asyncio task of each that has one."""

    slots: int
    jobs: dict[UUID, asyncio.Task[None] | None] = field(default_factory=dict)
    freed: asyncio.Event = field(default_factory=asyncio.Event)
    closed: ClosedChannels = field(default_factory=ClosedChannels)
    heartbeat_at: datetime | None = None  #: of the last heartbeat that was committed
    routing: dict[UUID, str] = field(default_factory=dict)  #: why a job goes to its channel, by job
    halt: asyncio.Event = field(default_factory=asyncio.Event)  #: the worker stops: nothing new is started

    @property
    def free(self) -> int:
        """How many slots are free."""
        return 0 if self.halt.is_set() else max(self.slots - len(self.jobs), 0)

    def drop(self, job_id: UUID, task: asyncio.Task[None] | None = None) -> None:
        """Forget a job that ``task`` has ended, or (without ``task``) a lease that has no task yet.

        A job may be leased to this worker again while the end of its last call is still being written, and
        messages may come late or twice: a job with another task, under a newer lease, is not forgotten.
        """
        if self.jobs.get(job_id) is task:
            self.jobs.pop(job_id, None)
            self.routing.pop(job_id, None)
        self.freed.set()
