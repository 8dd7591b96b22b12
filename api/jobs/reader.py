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
from api.jobs.estimates import Outlook
from api.jobs.serializers import job_view
from api.services import Services
from models.errors import NotFound
from models.ids import public_id
from models.queries.assets import list_assets
from models.queries.jobs import JobFilter, find_job, list_attempts, list_jobs
from models.queue_status import Queued, Waiting
from models.serializers import NO_OUTLOOK
from models.states import FINAL, JobStatus
from worker.scheduler.wait_reason import Lookout

_QUEUED, _RUNNING = JobStatus.QUEUED.value, JobStatus.RUNNING.value


@dataclass(frozen=True, slots=True)
class Page:
    """One job, ready to be sent."""

    revision: int
    status: JobStatus
    view: dict[str, Any]
    retry_after: int | None  #: seconds after which another look makes sense; ``None``: never

    @property
    def etag(self) -> str:
        """Changes with the revision, and with what a queued job waits for."""
        told = [self.view[name] for name in ("waiting", "queue_position", "eta")]
        return f'"{self.revision}-{crc32(orjson.dumps(told)):x}"' if any(told) else f'"{self.revision}"'


async def read_job(services: Services, caller: Caller, job_id: UUID, *, with_outlook: bool = False) -> Page:
    """Return a caller's job; if wanted with its place in the queue and its end. Raises ``NotFound``."""
    async with services.database.reading() as connection:
        row = await find_job(connection, job_id, caller_id=caller.id)
        if row is None:
            raise NotFound(f"There is no job {public_id('job', job_id)!r}.")
        return (await _pages(connection, services, [row], with_outlook=with_outlook))[0]


async def read_jobs(services: Services, caller: Caller, wanted: JobFilter, limit: int) -> Sequence[Page]:
    """Return a page of a caller's jobs, newest first."""
    async with services.database.reading() as connection:
        return await _pages(connection, services, await list_jobs(connection, caller.id, wanted, limit=limit))


async def _pages(
    connection: AsyncConnection, services: Services, rows: Sequence[Any], *, with_outlook: bool = False
) -> list[Page]:
    used = [row.id for row in rows if row.revision > 1]
    attempts = _by_job(await list_attempts(connection, used) if used else ())
    assets = _by_job(await list_assets(connection, used) if used else ())
    at = services.clock()
    told = {_QUEUED, _RUNNING} if with_outlook else {_QUEUED}
    known = any(row.status in told for row in rows)
    lookout = Lookout(await services.gate.look(connection, at), at) if known else None
    pages = []
    for row in rows:
        why = lookout.why(queued_of(row)) if lookout and row.status == _QUEUED else None
        outlook = NO_OUTLOOK
        if lookout and with_outlook:
            outlook = await _outlook(connection, services, row, why, lookout, attempts[row.id])
        page = _page(services, row, why, outlook, attempts=attempts[row.id], assets=assets[row.id])
        pages.append(page)
    return pages


async def _outlook(
    connection: AsyncConnection,
    services: Services,
    row: Any,
    why: Waiting | None,
    lookout: Lookout,
    attempts: Sequence[Any],
) -> Mapping[str, Any]:
    found: Outlook | None = None
    if why is not None:
        found = await services.outlooks.of_queued(connection, row, queued_of(row), why, lookout)
    elif row.status == _RUNNING and attempts:
        last = attempts[-1]
        found = await services.outlooks.of_running(connection, last.channel, last.sent_at, lookout)
    return found.view() if found else NO_OUTLOOK


async def newborn_page(services: Services, row: Any) -> Page:
    """Describe a job that was just born, from what was written."""
    at = services.clock()
    gate = services.gate.remembered(at)
    if gate is None:
        async with services.database.reading() as connection:
            gate = await services.gate.look(connection, at)
    return _page(services, row, Lookout(gate, at).why(queued_of(row)))


def _page(
    services: Services,
    row: Any,
    why: Waiting | None,
    outlook: Mapping[str, Any] = NO_OUTLOOK,
    *,
    attempts: Sequence[Any] = (),
    assets: Sequence[Any] = (),
) -> Page:
    status = JobStatus(row.status)
    view = job_view(
        row,
        public_url=services.public_url,
        attempts=attempts,
        assets=assets,
        waiting=why,
        outlook=outlook,
    )
    return Page(row.revision, status, view, _retry_after(status, why, services.clock()))


def queued_of(row: Any) -> Queued:
    """Return what of a job's row decides when it may start."""
    pictures = row.request.get("n")
    return Queued(
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


def _retry_after(status: JobStatus, why: Waiting | None, at: datetime) -> int | None:
    if status in FINAL:
        return None
    if why is None or why.next_eligible_at is None:
        return 1
    return max(1, min(60, round((why.next_eligible_at - at).total_seconds())))
