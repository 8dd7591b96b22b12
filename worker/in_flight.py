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

    Keys are a channel's name, or its name with a model (``""``: all models).
    """

    stopped: Mapping[tuple[str, str], WaitCause] = field(default_factory=dict)  #: until a person acts
    cooling: dict[str, datetime] = field(default_factory=dict)  #: cool-downs, and their ends
    failing: set[tuple[str, str]] = field(default_factory=set)  #: with a breaker that counts failures

    def reason(self, channel: str, model: str, now: datetime) -> WaitCause | None:
        """Return why no call of this model may start on a channel now, or ``None``."""
        until = self.cooling.get(channel)
        if until is not None and until > now:
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
        self.freed.set()
