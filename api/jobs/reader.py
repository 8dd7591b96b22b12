"""Reading jobs with all that belongs to them, for one caller."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zlib import crc32

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from api.auth import Caller
from api.jobs.estimates import Estimate
from api.jobs.serializers import job_view
from api.services import ApiServices
from models.errors import NotFound
from models.ids import public_id
from models.queries.assets import list_assets
from models.queries.jobs import JobFilter, find_job, list_attempts, list_jobs
from models.queue_status import QueuedJob, WaitStatus
from models.serializers import NO_ESTIMATE
from models.states import FINAL, JobStatus
from worker.scheduler.wait_reason import SchedulerView

_QUEUED, _RUNNING = JobStatus.QUEUED.value, JobStatus.RUNNING.value


@dataclass(frozen=True, slots=True)
class JobRepresentation:
    """One job, ready to be sent."""

    revision: int
    status: JobStatus
    content: dict[str, Any]
    retry_after: int | None  #: seconds after which another look makes sense; ``None``: never

    @property
    def etag(self) -> str:
        """Changes with the revision, and with what a queued job waits for."""
        told = [self.content[name] for name in ("waiting", "queue_position", "eta")]
        return f'"{self.revision}-{crc32(orjson.dumps(told)):x}"' if any(told) else f'"{self.revision}"'


async def read_job(
    services: ApiServices, caller: Caller, job_id: UUID, *, with_estimate: bool = False
) -> JobRepresentation:
    """Return a caller's job; if wanted with its place in the queue and its end. Raises ``NotFound``."""
    async with services.database.reading() as connection:
        row = await find_job(connection, job_id, caller_id=caller.id)
        if row is None:
            raise NotFound(f"There is no job {public_id('job', job_id)!r}.")
        return (await _pages(connection, services, [row], with_outlook=with_estimate))[0]


async def read_jobs(
    services: ApiServices, caller: Caller, wanted: JobFilter, limit: int
) -> Sequence[JobRepresentation]:
    """Return a page of a caller's jobs, newest first."""
    async with services.database.reading() as connection:
        return await _pages(connection, services, await list_jobs(connection, caller.id, wanted, limit=limit))


async def _pages(
    connection: AsyncConnection, services: ApiServices, rows: Sequence[Any], *, with_outlook: bool = False
) -> list[JobRepresentation]:
    used = [row.id for row in rows if row.revision > 1]
    attempts = _by_job(await list_attempts(connection, used) if used else ())
    assets = _by_job(await list_assets(connection, used) if used else ())
    at = services.clock()
    told = {_QUEUED, _RUNNING} if with_outlook else {_QUEUED}
    known = any(row.status in told for row in rows)
    view = SchedulerView(await services.snapshots.refresh(connection, at), at) if known else None
    pages = []
    for row in rows:
        why = view.wait_status(queued_of(row)) if view and row.status == _QUEUED else None
        estimate = NO_ESTIMATE
        if view and with_outlook:
            estimate = await _outlook(connection, services, row, why, view, attempts[row.id])
        page = _page(services, row, why, estimate, attempts=attempts[row.id], assets=assets[row.id])
        pages.append(page)
    return pages


async def _outlook(
    connection: AsyncConnection,
    services: ApiServices,
    row: Any,
    why: WaitStatus | None,
    view: SchedulerView,
    attempts: Sequence[Any],
) -> Mapping[str, Any]:
    found: Estimate | None = None
    if why is not None:
        found = await services.estimates.of_queued(connection, row, queued_of(row), why, view)
    elif row.status == _RUNNING and attempts:
        last = attempts[-1]
        found = await services.estimates.of_running(connection, last.channel, last.sent_at, view)
    return found.view() if found else NO_ESTIMATE


async def new_job_page(services: ApiServices, row: Any) -> JobRepresentation:
    """Describe a job that was just born, from what was written."""
    at = services.clock()
    gate = services.snapshots.remembered(at)
    if gate is None:
        async with services.database.reading() as connection:
            gate = await services.snapshots.refresh(connection, at)
    return _page(services, row, SchedulerView(gate, at).wait_status(queued_of(row)))


def _page(
    services: ApiServices,
    row: Any,
    why: WaitStatus | None,
    estimate: Mapping[str, Any] = NO_ESTIMATE,
    *,
    attempts: Sequence[Any] = (),
    assets: Sequence[Any] = (),
) -> JobRepresentation:
    status = JobStatus(row.status)
    view = job_view(
        row,
        public_url=services.public_url,
        attempts=attempts,
        assets=assets,
        waiting=why,
        estimate=estimate,
    )
    return JobRepresentation(row.revision, status, view, _retry_after(status, why, services.clock()))


def queued_of(row: Any) -> QueuedJob:
    """Return what of a job's row decides when it may start."""
    pictures = row.request.get("n")
    return QueuedJob(
        model=row.model,
        caller_id=row.caller_id,
        not_before=row.not_before,
        backing_off=row.backing_off,
        since=row.updated_at,
        pictures=pictures if isinstance(pictures, int) and pictures > 0 else 1,
    )


def _by_job(rows: Iterable[Any]) -> defaultdict[UUID, list[Any]]:
    grouped: defaultdict[UUID, list[Any]] = defaultdict(list)
    for row in rows:
        grouped[row.job_id].append(row)
    return grouped


def _retry_after(status: JobStatus, why: WaitStatus | None, at: datetime) -> int | None:
    if status in FINAL:
        return None
    if why is None or why.next_eligible_at is None:
        return 1
    return max(1, min(60, round((why.next_eligible_at - at).total_seconds())))
