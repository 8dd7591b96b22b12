"""What this worker has in hand right now."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID


@dataclass(slots=True)
class InFlightJobs:
    """Jobs promised to, or worked on by, this worker, with the task of each that has one."""

    slots: int
    jobs: dict[UUID, asyncio.Task[None] | None] = field(default_factory=dict)
    freed: asyncio.Event = field(default_factory=asyncio.Event)
    cooling: dict[str, datetime] = field(default_factory=dict)  #: channels that rest, and until when
    stopped: set[tuple[str, str]] = field(
        default_factory=set
    )  #: (channel, model or "") that somebody stopped, or that need a person
    shaky: set[tuple[str, str]] = field(
        default_factory=set
    )  #: (channel, model or "") with failures to forget
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
