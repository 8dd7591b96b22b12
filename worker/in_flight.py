"""What this worker has in hand right now."""

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
    """Jobs promised to, or worked on by, this worker, with the task of each that has one."""

    slots: int
    jobs: dict[UUID, asyncio.Task[None] | None] = field(default_factory=dict)
    freed: asyncio.Event = field(default_factory=asyncio.Event)
    closed: ClosedChannels = field(default_factory=ClosedChannels)
    heartbeat_at: datetime | None = None  #: the last sign of life that others can see
    halt: asyncio.Event = field(default_factory=asyncio.Event)  #: nothing new is started any more

    @property
    def free(self) -> int:
        """How many more jobs fit."""
        return 0 if self.halt.is_set() else max(self.slots - len(self.jobs), 0)

    def drop(self, job_id: UUID, task: asyncio.Task[None] | None = None) -> None:
        """Nothing more is done for this job by ``task``, or for the promise that has none yet.

        A job may come back to us while the end of its last call is still being written down, and messages may
        come late or twice: what somebody else works on under a newer lease stays in hand.
        """
        if self.jobs.get(job_id) is task:
            self.jobs.pop(job_id, None)
        self.freed.set()
