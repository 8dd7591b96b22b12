"""Open jobs now, the oldest that could start, and the workers' slots."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from api.services import ApiServices
from models.ids import public_id
from models.queries.dashboard.combined_reads import read_together
from models.queries.dashboard.figures import (
    OPEN_STATUSES,
    FirstSteps,
    count_statuses,
    first_steps,
    oldest_due,
)
from models.queries.workers import list_workers
from models.serializers import moment
from models.states import JobStatus

COUNTS_FRESH = 1.0  #: seconds
STUCK_SHOWN = 5  #: jobs
_STUCK_AFTER = timedelta(minutes=2)
_IN_FLIGHT = (JobStatus.LEASED, JobStatus.RUNNING, JobStatus.STORING)


@dataclass(frozen=True, slots=True)
class Counts:
    """Open jobs now, the oldest that could start, and the workers' slots."""

    open: Mapping[str, int]
    oldest: datetime | None
    stuck: Sequence[UUID]  #: of the oldest those that have waited for long
    slots: int
    workers: int
    steps: FirstSteps

    @property
    def in_flight(self) -> int:
        """Jobs that workers have in hand."""
        return sum(self.open[status.value] for status in _IN_FLIGHT)

    def to_json(self) -> dict[str, Any]:
        """Return it as the API sends it."""
        return {
            "jobs": dict(self.open),
            "in_flight": self.in_flight,
            "oldest_waiting_at": moment(self.oldest),
            "stuck": [public_id("job", job_id) for job_id in self.stuck],
            "slots": self.slots,
            "workers": self.workers,
        }


async def read_counts(services: ApiServices, scope: UUID | None) -> Counts:
    """Return the counts of a caller, or of all."""
    now = services.clock()
    async with services.database.reading() as connection:
        open_jobs, oldest, workers, steps = await read_together(
            connection,
            partial(count_statuses, statuses=OPEN_STATUSES, caller_id=scope),
            partial(oldest_due, at=now, caller_id=scope, limit=STUCK_SHOWN),
            list_workers,
            partial(first_steps, caller_id=scope),
        )
    since = now - timedelta(seconds=services.settings.worker_timeout)
    alive = [row for row in workers if row.heartbeat_at > since and row.stopping_at is None]
    return Counts(
        open=open_jobs,
        oldest=oldest[0].created_at if oldest else None,
        stuck=[row.id for row in oldest if now - row.created_at > _STUCK_AFTER],
        slots=sum(row.slots for row in alive),
        workers=len(alive),
        steps=steps,
    )
