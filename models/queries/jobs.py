"""Insert, find and list jobs; read their attempts and events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Column, Row, Select, bindparam, func, insert, literal_column, select, text, true
from sqlalchemy.ext.asyncio import AsyncConnection

from models.integrity.unreadable import readable
from models.queries.selection.job_filter import JobFilter, conditions, marked_jobs
from models.states import JobStatus
from models.tables import attempts, callers, events, jobs

_HIDDEN = frozenset({"answer", "keep", "lease_token", "leased_at", "start_at", "store_tries"})
_SUCCEEDED = JobStatus.SUCCEEDED.value
SHOWN = tuple(column for column in jobs.columns if column.name not in _HIDDEN)


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to insert. ``request`` holds images, size, n and params."""

    id: UUID
    model: str
    prompt: str
    request: Mapping[str, Any]
    priority: int
    max_attempts: int
    on_unknown: str
    not_before: datetime
    campaign: str | None = None
    tags: Sequence[str] = ()
    metadata: Mapping[str, Any] | None = None
    webhook_url: str | None = None
    expires_at: datetime | None = None
    retry: Mapping[str, Any] | None = None
    item_id: UUID | None = None  #: of a campaign; the job is one of its takes
    take: int | None = None
    take_reason: str | None = None
    parent_job_id: UUID | None = None

    def row(self, at: datetime, *, caller_id: UUID, surface: str) -> dict[str, Any]:
        """Return the first values of the job's row; columns that are not named are NULL."""
        return self.own_values() | first_values(at, caller_id=caller_id, surface=surface)

    def own_values(self) -> dict[str, Any]:
        """Return the values that differ between jobs of one submit, by column."""
        return {
            "id": self.id,
            "model": self.model,
            "prompt": self.prompt,
            "request": self.request,
            "priority": self.priority,
            "max_attempts": self.max_attempts,
            "on_unknown": self.on_unknown,
            "not_before": self.not_before,
            "campaign": self.campaign,
            "tags": self.tags,
            "metadata": self.metadata or {},
            "webhook_url": self.webhook_url,
            "expires_at": self.expires_at,
            "retry": self.retry,
            "item_id": self.item_id,
            "take": self.take,
            "take_reason": self.take_reason,
            "parent_job_id": self.parent_job_id,
        }


def first_values(
    at: datetime,
    *,
    caller_id: UUID,
    surface: str,
    traceparent: str | None = None,
    request_id: str | None = None,
) -> dict[str, Any]:
    """Return the values that all jobs of one submit share, by column."""
    return {
        "caller_id": caller_id,
        "surface": surface,
        "status": JobStatus.QUEUED.value,
        "revision": 1,
        "generation": 1,
        "backing_off": False,
        "progress": 0,
        "attempts_used": 0,
        "store_tries": 0,
        "traceparent": traceparent,
        "request_id": request_id,
        "created_at": at,
        "updated_at": at,
    }


# One statement for any number of jobs and their first events: PostgreSQL unpacks a JSON array.
_INSERT = text(
    """
    WITH inserted AS (
        INSERT INTO jobs (id, caller_id, surface, campaign, status, revision, generation, model, prompt,
                          request, tags, metadata, webhook_url, priority, max_attempts, on_unknown,
                          not_before, expires_at, retry, item_id, take, take_reason, parent_job_id,
                          backing_off, progress, attempts_used, store_tries, traceparent,
                          request_id, created_at, updated_at)
        SELECT id, CAST(:caller_id AS uuid), :surface, campaign, :status, :revision, :generation, model,
               prompt, request, tags, metadata, webhook_url, priority, max_attempts, on_unknown,
               not_before, expires_at, retry, item_id, take, take_reason, parent_job_id,
               :backing_off, :progress, :attempts_used, :store_tries, coalesce(traceparent, :traceparent),
               coalesce(request_id, :request_id), coalesce(created_at, CAST(:created_at AS timestamptz)),
               coalesce(created_at, CAST(:updated_at AS timestamptz))
        FROM json_to_recordset(CAST(:jobs AS json)) AS given (
            id uuid, campaign text, model text, prompt text, request jsonb, tags jsonb, metadata jsonb,
            webhook_url text, priority smallint, max_attempts smallint, on_unknown text,
            not_before timestamptz, expires_at timestamptz, retry jsonb,
            item_id uuid, take smallint, take_reason text, parent_job_id uuid,
            created_at timestamptz, traceparent text, request_id text)
        RETURNING id, created_at)
    INSERT INTO events (job_id, revision, status, progress, at)
    SELECT id, :revision, :status, :progress, created_at FROM inserted
    """
)


@dataclass(frozen=True, slots=True)
class Origin:
    """The request that submits a job: when, and what finds it in logs and traces."""

    at: datetime
    traceparent: str | None = None
    request_id: str | None = None

    def values(self) -> dict[str, Any]:
        """Return the values that jobs of one insert do not share if they come from several requests."""
        return {"created_at": self.at, "traceparent": self.traceparent, "request_id": self.request_id}


@dataclass(frozen=True, slots=True, eq=False)
class SubmittedJob:
    """A job to insert, with the request that submits it."""

    job: NewJob
    origin: Origin


async def insert_jobs(
    connection: AsyncConnection,
    new_jobs: Sequence[NewJob],
    *,
    caller_id: UUID,
    surface: str,
    at: datetime,
    traceparent: str | None = None,
    request_id: str | None = None,
    origins: Sequence[Origin] = (),
) -> None:
    """Insert any number of queued jobs with their first events, in one statement each.

    ``traceparent`` and ``request_id``: of the request that submits them; ``origins``: of each job, if they
    come from several.
    """
    if not new_jobs:
        return
    shared = first_values(
        at, caller_id=caller_id, surface=surface, traceparent=traceparent, request_id=request_id
    )
    rows = [job.own_values() for job in new_jobs]
    for row, origin in zip(rows, origins, strict=False):
        row |= origin.values()
    if connection.dialect.name == "postgresql":
        given = orjson.dumps(rows).decode()
        await connection.execute(_INSERT, shared | {"caller_id": str(caller_id), "jobs": given})
        return
    inserted = [shared | row | {"updated_at": row.get("created_at", at)} for row in rows]
    await connection.execute(insert(jobs), inserted)
    first_events = [
        {
            "job_id": row["id"],
            "at": row["created_at"],
            **{name: row[name] for name in ("revision", "status", "progress")},
        }
        for row in inserted
    ]
    await connection.execute(insert(events), first_events)


_ANY_ONE = select(*SHOWN).where(jobs.c.id == bindparam("id"))
_ONE = _ANY_ONE.where(jobs.c.caller_id == bindparam("caller"))


async def find_job(connection: AsyncConnection, job_id: UUID, *, caller_id: UUID | None) -> Row[Any] | None:
    """Return a caller's job (``None``: anybody's) without its internal columns, or ``None``."""
    if caller_id is None:
        return (await connection.execute(_ANY_ONE, {"id": job_id})).first()
    return (await connection.execute(_ONE, {"id": job_id, "caller": caller_id})).first()


async def find_jobs(
    connection: AsyncConnection, job_ids: Sequence[UUID], *, caller_id: UUID | None
) -> Sequence[Row[Any]]:
    """Return those of the jobs that a caller has (``None``: anybody), as ``find_job`` does."""
    if len(job_ids) == 1:
        found = await find_job(connection, job_ids[0], caller_id=caller_id)
        return [] if found is None else [found]
    query = select(*SHOWN).where(jobs.c.id.in_(job_ids))
    return (
        await connection.execute(query if caller_id is None else query.where(jobs.c.caller_id == caller_id))
    ).all()


async def list_jobs(
    connection: AsyncConnection, caller_ids: Sequence[UUID] | None, wanted: JobFilter, *, limit: int
) -> Sequence[Row[Any]]:
    """Return a page of the jobs of some callers (``None``: all), newest first, by one statement.

    They are the newest of the newest of each caller.

    So the indexes by caller serve for any filter, and no more than ``limit`` rows of each caller are read.
    Jobs with a check's finding, a verdict or a tag have indexes of their own
    on PostgreSQL, of all callers.
    """
    query = _listed(caller_ids, wanted, limit, sqlite=connection.dialect.name == "sqlite")
    return sorted(await connection.execute(query), key=lambda row: row.id.int, reverse=True)[:limit]


def _listed(caller_ids: Sequence[UUID] | None, wanted: JobFilter, limit: int, *, sqlite: bool) -> Select[Any]:
    marked = None if sqlite else marked_jobs(wanted, caller_ids)
    own = [] if caller_ids is None else [jobs.c.caller_id.in_(caller_ids)]
    if not sqlite and (marked is not None or (wanted.tag is not None and wanted.campaign is None)):
        query = select(*SHOWN).where(*own, *conditions(wanted, sqlite=sqlite))
        query = query.order_by((jobs.c.id if marked is None else marked.c.job_id).desc()).limit(limit)
        return query if marked is None else query.join_from(marked, jobs, jobs.c.id == marked.c.job_id)
    if caller_ids is not None and len(caller_ids) == 1:
        return _page(caller_ids[0], wanted, limit, sqlite=sqlite)
    of_each = _page(callers.c.id, wanted, limit, sqlite=sqlite)
    if sqlite:  # it has no LATERAL
        listed = jobs.alias("listed")
        ids = of_each.with_only_columns(jobs.c.id).correlate(callers)
        query = select(*(listed.c[column.name] for column in SHOWN))
        query = query.join_from(callers, listed, listed.c.id.in_(ids))
    else:
        page = of_each.lateral("page")
        query = select(page).join_from(callers, page, true()).order_by(page.c.id.desc()).limit(limit)
    return query if caller_ids is None else query.where(callers.c.id.in_(caller_ids))


def _page(caller_id: Any, wanted: JobFilter, limit: int, *, sqlite: bool) -> Select[Any]:
    """Select the newest jobs of a caller: an id, or the column of an outer query.

    PostgreSQL drops columns that are compared with ``=`` from the order, and may then walk all callers' jobs
    backwards along the primary key. Written as ranges they stay in the order, which only the right index has.
    """
    fixed: list[tuple[Column[Any], Any]] = [(jobs.c.caller_id, caller_id)]
    if len(wanted.statuses) == 1:
        fixed.append((jobs.c.status, wanted.statuses[0]))
    elif wanted.campaign is not None:
        fixed.append((jobs.c.campaign, wanted.campaign))
    without, partial = [column.name for column, _ in fixed], []
    if wanted.statuses == (_SUCCEEDED,) and wanted.model is not None:
        fixed[1:], partial = (
            [(jobs.c.model, wanted.model)],
            [jobs.c.status == literal_column(f"'{_SUCCEEDED}'")],
        )
        without.append("model")
    query: Select[Any] = select(*SHOWN).where(*partial, *conditions(wanted, sqlite=sqlite, without=without))
    if sqlite:
        query = query.where(*(column == value for column, value in fixed)).order_by(jobs.c.id.desc())
    else:
        query = query.where(*(each for column, value in fixed for each in (column >= value, column <= value)))
        query = query.order_by(*(column.desc() for column, _ in fixed), jobs.c.id.desc())
    return query.limit(limit)


async def count_queued(connection: AsyncConnection, caller_ids: Sequence[UUID]) -> int:
    """Count the queued jobs of callers, due or not."""
    waiting = jobs.c.caller_id.in_(caller_ids), jobs.c.status == JobStatus.QUEUED.value
    return await connection.scalar(select(func.count()).select_from(jobs).where(*waiting)) or 0


async def lock_queued(
    connection: AsyncConnection, caller_ids: Sequence[UUID], *, limit: int
) -> Sequence[Row[Any]]:
    """Lock and return id and status of queued jobs of callers, except those that are locked already."""
    columns: tuple[Column[Any], ...] = (jobs.c.id, jobs.c.status)
    waiting = jobs.c.caller_id.in_(caller_ids), jobs.c.status == JobStatus.QUEUED.value
    statement = select(*columns).where(*waiting).order_by(jobs.c.id).limit(limit)
    return (await connection.execute(statement.with_for_update(skip_locked=True))).all()


async def statuses_of(connection: AsyncConnection, job_ids: Sequence[UUID]) -> dict[UUID, tuple[int, str]]:
    """Return revision and status of each of these jobs that exists."""
    query = select(jobs.c.id, jobs.c.revision, jobs.c.status).where(jobs.c.id.in_(job_ids))
    return {row.id: (row.revision, row.status) for row in await connection.execute(query)}


async def list_attempts(connection: AsyncConnection, job_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """Return the attempts of these jobs, in order."""
    if not job_ids:
        return []
    query = select(attempts).where(attempts.c.job_id.in_(job_ids))
    query = query.order_by(attempts.c.job_id, attempts.c.number)
    return readable(await connection.execute(query), "attempt")


async def reasons_to_store_later(connection: AsyncConnection, ids: Sequence[UUID]) -> Mapping[UUID, str]:
    """Return why the images of these jobs could not be stored yet, of those that wait for the next try."""
    if not ids:
        return {}
    latest = (events.c.job_id == jobs.c.id) & (events.c.revision == jobs.c.revision)
    query = (
        select(jobs.c.id, events.c.detail)
        .join(events, latest)
        .where(jobs.c.id.in_(ids), jobs.c.status == JobStatus.STORING, jobs.c.lease_token.is_(None))
        .where(events.c.detail.is_not(None))
    )
    return {row.id: row.detail for row in await connection.execute(query)}


async def list_events(
    connection: AsyncConnection, job_id: UUID, *, after: int, limit: int = 500
) -> Sequence[Row[Any]]:
    """Return a job's events with a revision above ``after``, in order."""
    query = select(events).where(events.c.job_id == job_id, events.c.revision > after)
    return readable(await connection.execute(query.order_by(events.c.revision).limit(limit)), "event")
