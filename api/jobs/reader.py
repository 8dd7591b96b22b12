"""Read a caller's jobs with their attempts, assets, wait reason and estimate, ready to be sent."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID
from zlib import crc32

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from api.access.tombstones import raise_if_deleted
from api.auth import Caller
from api.jobs.caller_scope import scope_of
from api.jobs.estimates import Estimate
from api.services import ApiServices
from models.errors import NotFound
from models.ids import public_id
from models.integrity.bounds import FIRST_TIME
from models.integrity.unreadable import Unreadable, log_unreadable, problems_of
from models.queries.assets import list_assets
from models.queries.callers import names_of
from models.queries.dashboard.combined_reads import Read, read_in_turn, read_together
from models.queries.jobs import (
    SHOWN,
    NewJob,
    find_jobs,
    list_attempts,
    list_jobs,
    reasons_to_store_later,
)
from models.queries.selection.job_filter import JobFilter
from models.queue_status import QueuedJob, WaitReason, WaitStatus
from models.request import image_count
from models.serializers import NO_ESTIMATE, job_view
from models.states import FINAL, JobStatus, OnUnknown
from worker.scheduler.wait_reason import SchedulerView
from worker.unwritable import unreadable_error

_QUEUED, _RUNNING = JobStatus.QUEUED.value, JobStatus.RUNNING.value
_STATUSES, _ON_UNKNOWN = frozenset(JobStatus), frozenset(OnUnknown)
_LONGEST_RETRY_AFTER = 60  # seconds
_KINDS: Mapping[str, Any] = {
    **dict.fromkeys(("request", "metadata"), dict),
    **dict.fromkeys(("retry", "error"), dict | None),
    "tags": list,
    **dict.fromkeys(("progress", "revision", "generation", "priority"), int),
}
_NEUTRAL: Mapping[str, Any] = {
    "request": {},
    "metadata": {},
    "retry": None,
    "error": None,
    "tags": [],
    **dict.fromkeys(("progress", "revision", "generation", "priority"), 0),
    "created_at": FIRST_TIME,
}
"""What is shown instead of a value that can't be."""


@dataclass(frozen=True, slots=True)
class JobRepresentation:
    """A job as JSON, with what its response headers need."""

    id: UUID
    caller_id: UUID
    revision: int
    status: JobStatus
    content: dict[str, Any]
    retry_after: int | None  #: seconds until the next poll makes sense; ``None``: the job is final

    @property
    def etag(self) -> str:
        """Entity tag: changes with the revision, and with wait reason, queue position and ETA."""
        volatile = [self.content[name] for name in ("waiting", "queue_position", "eta")]
        if not any(volatile):
            return f'"{self.revision}"'
        return f'"{self.revision}-{crc32(orjson.dumps(volatile)):x}"'


async def read_job(
    services: ApiServices, caller: Caller, job_id: UUID, *, with_estimate: bool = False
) -> JobRepresentation:
    """Return a job in a caller's scope, optionally with its queue position and ETA. Raises ``NotFound``.

    The jobs of one caller's concurrent requests are read together.
    """
    read = partial(_read_together, services, caller, with_estimate=with_estimate)
    job = await services.job_polls.get((services.database, caller.scope, with_estimate), job_id, read)
    if job is None:
        async with services.database.reading() as connection:
            await raise_if_deleted(connection, "job", job_id, caller)
        raise NotFound(f"There is no job {public_id('job', job_id)!r}.")
    return cast("JobRepresentation", job)


async def _read_together(
    services: ApiServices, caller: Caller, job_ids: Sequence[UUID], *, with_estimate: bool
) -> dict[UUID, JobRepresentation]:
    async with services.database.reading() as connection:
        rows = await find_jobs(connection, job_ids, caller_id=caller.scope)
        found = await _represent(connection, services, caller, rows, with_estimate=with_estimate)
    return {job.id: job for job in found}


async def read_jobs(
    services: ApiServices, caller: Caller, wanted: JobFilter, limit: int, *, of: str | None = None
) -> Sequence[JobRepresentation]:
    """Return the newest jobs that match a filter, without estimates, of the callers in scope.

    ``of``: name or id of the only caller that an admin wants to see.
    """
    return (await read_jobs_and(services, caller, wanted, limit, of=of))[0]


async def read_jobs_and(
    services: ApiServices,
    caller: Caller,
    wanted: JobFilter,
    limit: int,
    *further: Read,
    of: str | None = None,
) -> tuple[Sequence[JobRepresentation], Sequence[Any]]:
    """Return what ``read_jobs`` does and what further reads return, in the statement of the list."""
    (found,), others = await _read_lists(services, caller, [(wanted, limit)], further, of)
    return found, others


async def read_job_lists(
    services: ApiServices, caller: Caller, lists: Sequence[tuple[JobFilter, int]]
) -> list[Sequence[JobRepresentation]]:
    """Return the newest jobs for each filter and limit, as ``read_jobs`` does, in one go."""
    return (await _read_lists(services, caller, lists, (), None))[0]


async def _read_lists(
    services: ApiServices,
    caller: Caller,
    lists: Sequence[tuple[JobFilter, int]],
    further: Sequence[Read],
    of: str | None,
) -> tuple[list[Sequence[JobRepresentation]], Sequence[Any]]:
    async with services.database.reading() as connection:
        scope = await scope_of(connection, caller, of)
        reads = [partial(list_jobs, caller_ids=scope, wanted=wanted, limit=limit) for wanted, limit in lists]
        found = await read_together(connection, *reads, *further)
        rows, others = found[: len(lists)], found[len(lists) :]
        each = {row.id: row for page in rows for row in page}
        shown = await _represent(connection, services, caller, [*each.values()], read=read_together)
    by_id = {job.id: job for job in shown}
    return [[by_id[row.id] for row in page] for page in rows], others


async def represent_new_job(
    services: ApiServices, caller: Caller, job: NewJob, *, surface: str, at: datetime
) -> JobRepresentation:
    """Return a job inserted at ``at``, without reading its row back."""
    first = job.row(at, caller_id=caller.id, surface=surface)
    row = SimpleNamespace(**dict.fromkeys(column.name for column in SHOWN) | first)
    now = services.clock()
    snapshot = await services.snapshots.read(services.database, now)
    waiting = SchedulerView(snapshot, now).wait_status(queued_of(row))
    return _representation(services, row, waiting, owner=caller.name if caller.role.sees_all else None)


async def _represent(
    connection: AsyncConnection,
    services: ApiServices,
    caller: Caller,
    rows: Sequence[Any],
    *,
    read: Callable[..., Awaitable[list[Any]]] = read_in_turn,
    with_estimate: bool = False,
) -> list[JobRepresentation]:
    """Return the jobs of these rows, for an admin with their callers.

    Jobs in their first revision have neither attempts nor assets.
    """
    changed = [row.id for row in rows if row.revision > 1]
    storing = [row.id for row in rows if row.status == JobStatus.STORING]
    owned = {row.caller_id for row in rows} if caller.role.sees_all else set[UUID]()
    found_attempts, found_assets, unstored, owners = await read(
        connection,
        partial(list_attempts, job_ids=changed),
        partial(list_assets, job_ids=changed),
        partial(reasons_to_store_later, ids=storing),
        partial(names_of, caller_ids=owned),
    )
    attempts, assets = _by_job(found_attempts), _by_job(found_assets)
    at = services.clock()
    scheduled = {_QUEUED, _RUNNING} if with_estimate else {_QUEUED}
    needs_snapshot = any(row.status in scheduled for row in rows)
    view = SchedulerView(await services.snapshots.refresh(connection, at), at) if needs_snapshot else None
    problems = {row.id: problem for row in rows if (problem := _problem_of(row)) is not None}
    whole = [row for row in rows if row.id not in problems]
    waiting = _wait_statuses(whole, view, unstored)
    estimates: Mapping[UUID, Estimate] = {}
    if view and with_estimate:
        estimates = await _estimates(connection, services, whole, waiting, view, attempts)
    return [
        _representation(
            services,
            row,
            waiting.get(row.id),
            estimates[row.id].to_json() if row.id in estimates else NO_ESTIMATE,
            attempts=attempts[row.id],
            assets=assets[row.id],
            owner=owners.get(row.caller_id),
        )
        if row.id not in problems
        else _unreadable(services, row, problems[row.id], attempts[row.id], assets[row.id])
        for row in rows
    ]


def _wait_statuses(
    rows: Sequence[Any], view: SchedulerView | None, unstored: Mapping[UUID, str]
) -> dict[UUID, WaitStatus]:
    """Return why jobs wait, of those that do. ``unstored``: why images could not be stored yet."""
    queued = [row for row in rows if row.status == _QUEUED] if view else []
    waiting = {row.id: view.wait_status(queued_of(row)) for row in queued} if view else {}
    for row in rows:
        if (why := unstored.get(row.id)) is not None:
            waiting[row.id] = WaitStatus(WaitReason.STORAGE, why, row.updated_at, row.not_before)
    return waiting


def _problem_of(row: Any) -> str | None:
    """Return why a job's row can't be shown as it is, or ``None``."""
    problems = problems_of(row)
    problems += [
        f"{name} has another type"
        for name, kind in _KINDS.items()
        if not isinstance(getattr(row, name), kind | Unreadable)  # what is unreadable is named as such
    ]
    problems += [f"{name} holds bytes" for name, value in row._mapping.items() if isinstance(value, bytes)]
    if row.on_unknown not in _ON_UNKNOWN:
        problems.append(f"on_unknown is {str(row.on_unknown)[:80]!r}")
    if row.status not in _STATUSES:
        problems.append(f"status is {str(row.status)[:80]!r}")
    return "; ".join(problems) or None


def _unreadable(
    services: ApiServices, row: Any, problem: str, attempts: Sequence[Any], assets: Sequence[Any]
) -> JobRepresentation:
    """Return what can be read of a job, with an error that names the rest."""
    log_unreadable("job", str(row.id), problem)
    values = dict(row._mapping)
    status = JobStatus(row.status) if row.status in _STATUSES else JobStatus.FAILED
    for name, neutral in _NEUTRAL.items():
        if not isinstance(values[name], _KINDS.get(name, datetime)):
            values[name] = neutral
    for name, value in values.items():
        if isinstance(value, Unreadable):
            values[name] = None
        elif isinstance(value, bytes):
            values[name] = value.decode("utf-8", "replace")
    called = status not in (JobStatus.QUEUED, JobStatus.LEASED)
    error = unreadable_error(problem, called=called) if not values["error"] else None
    values |= {"status": status.value} | ({"error": error.to_json()} if error else {})
    return _representation(services, SimpleNamespace(**values), None, attempts=attempts, assets=assets)


async def _estimates(
    connection: AsyncConnection,
    services: ApiServices,
    rows: Sequence[Any],
    waiting: Mapping[UUID, WaitStatus],
    view: SchedulerView,
    attempts: Mapping[UUID, Sequence[Any]],
) -> dict[UUID, Estimate]:
    """Return the estimates of those of the jobs that are queued or running."""
    queued = [(row, queued_of(row), waiting[row.id]) for row in rows if row.status == _QUEUED]
    found = await services.estimates.estimate_queued(connection, queued, view)
    for row in rows:
        if row.status == _RUNNING and attempts[row.id]:
            last = attempts[row.id][-1]
            estimate = await services.estimates.estimate_running(connection, last.channel, last.sent_at, view)
            found |= {row.id: estimate} if estimate else {}
    return found


def _representation(
    services: ApiServices,
    row: Any,
    waiting: WaitStatus | None,
    estimate: Mapping[str, Any] = NO_ESTIMATE,
    *,
    attempts: Sequence[Any] = (),
    assets: Sequence[Any] = (),
    owner: str | None = None,
) -> JobRepresentation:
    """Return a job; ``owner``: the name of its caller, which only admins see."""
    status = JobStatus(row.status)
    content = job_view(
        row,
        public_url=services.public_url,
        attempts=attempts,
        assets=assets,
        waiting=waiting,
        estimate=estimate,
    )
    if owner is not None:
        content["caller"] = {"id": public_id("caller", row.caller_id), "name": owner}
    retry_after = _retry_after(status, waiting, services.clock())
    return JobRepresentation(row.id, row.caller_id, row.revision, status, content, retry_after)


def queued_of(row: Any) -> QueuedJob:
    """Return what the scheduler needs to know of a queued job."""
    return QueuedJob(
        model=row.model,
        caller_id=row.caller_id,
        not_before=row.not_before,
        backing_off=row.backing_off,
        since=row.updated_at,
        images=image_count(row.request.get("n")),
        campaign=row.campaign,
    )


def _by_job(rows: Iterable[Any]) -> defaultdict[UUID, list[Any]]:
    grouped: defaultdict[UUID, list[Any]] = defaultdict(list)
    for row in rows:
        grouped[row.job_id].append(row)
    return grouped


def _retry_after(status: JobStatus, waiting: WaitStatus | None, at: datetime) -> int | None:
    """Return the seconds of Retry-After: until the job may start, 1 to 60; ``None`` for a final job."""
    if status in FINAL:
        return None
    if waiting is None or waiting.next_eligible_at is None:
        return 1
    return max(1, min(_LONGEST_RETRY_AFTER, round((waiting.next_eligible_at - at).total_seconds())))
