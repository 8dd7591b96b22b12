"""Webhook deliveries: claim due ones, record results, list, replay and prune."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Row, Select, Update, delete, literal_column, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models.ids import first_id
from models.integrity.unreadable import readable
from models.queries.bulk import rows_parameter, rows_source
from models.queries.jobs import SHOWN
from models.tables import jobs
from models.tables import webhook_deliveries as deliveries
from models.tables import webhook_endpoints as endpoints
from models.webhook_events import PASSING, DeliveryStatus, WebhookEvent

_PENDING: ColumnElement[str] = literal_column("'pending'")  # literal, for the partial index
_REQUEST_ID = (
    select(jobs.c.request_id).where(jobs.c.id == deliveries.c.job_id).scalar_subquery().label("request_id")
)
_RESULT_COLUMNS = ("status", "tries", "next_at", "log", "ended_at")


async def due_deliveries(
    connection: AsyncConnection, *, at: datetime, without: Collection[str], limit: int, lock: bool = True
) -> Sequence[Row[Any]]:
    """Return id and host of due deliveries, oldest first; with ``lock``, locked for this transaction.

    A later delivery of a job to the same receiver, or of a Midjourney task without jobs, waits until the
    earlier one has ended. ``without`` names
    hosts at their limit of deliveries in flight.
    """
    earlier = deliveries.alias("earlier")
    pending = select(earlier.c.id).where(
        earlier.c.revision < deliveries.c.revision, earlier.c.status == _PENDING
    )
    of_job = pending.where(earlier.c.job_id == deliveries.c.job_id)
    of_job = of_job.where(earlier.c.endpoint_id.is_not_distinct_from(deliveries.c.endpoint_id))
    of_task = pending.where(earlier.c.task_id == deliveries.c.task_id)
    statement: Select[Any] = (
        select(deliveries.c.id, deliveries.c.host)
        .where(deliveries.c.status == _PENDING, deliveries.c.next_at <= at)
        .where(~of_job.exists(), ~of_task.exists())
        .order_by(deliveries.c.next_at)
        .limit(limit)
    )
    if lock:
        statement = statement.with_for_update(skip_locked=True, of=deliveries)
    if without:
        statement = statement.where(deliveries.c.host.not_in(without))
    rows: Sequence[Row[Any]] = (await connection.execute(statement)).all()
    return rows


async def claim(
    connection: AsyncConnection, delivery_ids: Sequence[UUID], token: UUID, *, until: datetime
) -> None:
    """Claim deliveries for one worker; those without a result are due again when the claim ends."""
    await connection.execute(
        update(deliveries).where(deliveries.c.id.in_(delivery_ids)).values(claim=token, next_at=until)
    )


async def release(
    connection: AsyncConnection, delivery_ids: Sequence[UUID], tokens: Collection[UUID], *, at: datetime
) -> None:
    """Release claimed deliveries; they are due at ``at``."""
    await connection.execute(
        update(deliveries)
        .where(deliveries.c.id.in_(delivery_ids), deliveries.c.claim.in_(tokens))
        .values(claim=None, next_at=at)
    )


async def claimed_deliveries(
    connection: AsyncConnection, delivery_ids: Sequence[UUID], token: UUID, *, beyond: datetime
) -> Sequence[Row[Any]]:
    """Return deliveries still claimed with this token beyond a time, with their endpoint's secrets."""
    statement: Select[Any] = (
        select(
            deliveries,
            endpoints.c.secret,
            endpoints.c.previous_secret,
            endpoints.c.previous_until,
            (endpoints.c.disabled_at.is_not(None) | endpoints.c.deleted_at.is_not(None)).label("closed"),
            select(jobs.c.request_id)
            .where(jobs.c.id == deliveries.c.job_id)
            .scalar_subquery()
            .label("request_id"),
        )
        .select_from(deliveries.outerjoin(endpoints, endpoints.c.id == deliveries.c.endpoint_id))
        .where(deliveries.c.id.in_(delivery_ids), deliveries.c.claim == token)
        .where(deliveries.c.status == _PENDING, deliveries.c.next_at > beyond)
    )
    rows: Sequence[Row[Any]] = (await connection.execute(statement)).all()
    return rows


async def jobs_by_id(connection: AsyncConnection, job_ids: Collection[UUID]) -> dict[UUID, Row[Any]]:
    """Return jobs by id, as they are now."""
    rows = await connection.execute(select(*SHOWN).where(jobs.c.id.in_(job_ids)))
    return {row.id: row for row in rows}


async def record_results(connection: AsyncConnection, results: Sequence[Mapping[str, Any]]) -> None:
    """Write the results of attempts; each has id, claim, status, tries, next_at, log and ended_at.

    Progress that failed is superseded if a newer event waits for the same receiver.
    """
    await connection.execute(_update_results(connection.dialect.name), rows_parameter(connection, results))
    later = deliveries.alias("later")
    newer = (
        select(later.c.id)
        .where(later.c.job_id == deliveries.c.job_id, later.c.revision > deliveries.c.revision)
        .where(later.c.endpoint_id.is_not_distinct_from(deliveries.c.endpoint_id))
        .where(later.c.status == _PENDING)
        .exists()
    )
    retried = [result["id"] for result in results if result["status"] == DeliveryStatus.PENDING]
    if retried:
        superseded = await connection.execute(
            update(deliveries)
            .where(deliveries.c.id.in_(retried), deliveries.c.event.in_(PASSING), newer)
            .where(deliveries.c.status == _PENDING, deliveries.c.claim.is_(None))
            .values(status=DeliveryStatus.SUPERSEDED)
            .returning(deliveries.c.job_id, deliveries.c.endpoint_id, deliveries.c.next_at)
        )
        for row in superseded.all():
            await _defer_newer_progress(connection, row)


async def _defer_newer_progress(connection: AsyncConnection, superseded: Row[Any]) -> None:
    """Let newer progress wait as long as what it supersedes: the receiver failed or sent ``Retry-After``."""
    await connection.execute(
        update(deliveries)
        .where(deliveries.c.job_id == superseded.job_id, deliveries.c.event == WebhookEvent.PROGRESS)
        .where(deliveries.c.endpoint_id.is_not_distinct_from(superseded.endpoint_id))
        .where(deliveries.c.status == _PENDING, deliveries.c.claim.is_(None))
        .where(deliveries.c.next_at < superseded.next_at)
        .values(next_at=superseded.next_at)
    )


async def stop_endpoint(connection: AsyncConnection, endpoint_id: UUID, at: datetime) -> None:
    """Stop the pending deliveries of an endpoint; they can be replayed."""
    await connection.execute(
        update(deliveries)
        .where(deliveries.c.endpoint_id == endpoint_id, deliveries.c.status == _PENDING)
        .values(status=DeliveryStatus.STOPPED, ended_at=at, claim=None)
    )


async def stop_job(connection: AsyncConnection, job_id: UUID, at: datetime) -> None:
    """Stop the pending deliveries to a job's own URL."""
    await connection.execute(
        update(deliveries)
        .where(deliveries.c.job_id == job_id, deliveries.c.endpoint_id.is_(None))
        .where(deliveries.c.status == _PENDING)
        .values(status=DeliveryStatus.STOPPED, ended_at=at, claim=None)
    )


async def find_delivery(
    connection: AsyncConnection, delivery_id: UUID, *, caller_id: UUID | None
) -> Row[Any] | None:
    """Return a caller's delivery (``None``: anybody's), or ``None``."""
    query = select(deliveries).where(deliveries.c.id == delivery_id)
    if caller_id is not None:
        query = query.where(deliveries.c.caller_id == caller_id)
    return (await connection.execute(query)).one_or_none()


async def list_deliveries(
    connection: AsyncConnection,
    caller_id: UUID,
    endpoint_id: UUID | None,
    *,
    statuses: Sequence[str],
    before: UUID | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Return a page of the deliveries to an endpoint, or to jobs' own URLs, newest first.

    ``statuses``: the only ones; none: any.
    Ordered by all of the index's columns, and on PostgreSQL compared by ranges, for the reason that
    ``list_jobs`` gives.
    """
    endpoint, caller = deliveries.c.endpoint_id, deliveries.c.caller_id
    query = select(deliveries)
    if connection.dialect.name == "sqlite":
        query = query.where(
            caller == caller_id, endpoint.is_(None) if endpoint_id is None else endpoint == endpoint_id
        )
        query = query.order_by(deliveries.c.id.desc())
    else:
        query = query.where(caller >= caller_id, caller <= caller_id)
        to = (
            (endpoint.is_(None),)
            if endpoint_id is None
            else (endpoint >= endpoint_id, endpoint <= endpoint_id)
        )
        query = query.where(*to).order_by(caller.desc(), endpoint.desc(), deliveries.c.id.desc())
    if statuses:
        query = query.where(deliveries.c.status.in_(statuses))
    if before is not None:
        query = query.where(deliveries.c.id < before)
    return readable(await connection.execute(query.limit(limit)), "webhook delivery")


async def replay(
    connection: AsyncConnection, delivery_id: UUID, *, url: str, host: str, at: datetime
) -> bool:
    """Make a delivery that has ended due again, from its first attempt; return whether it had ended."""
    result = await connection.execute(
        update(deliveries)
        .where(deliveries.c.id == delivery_id, deliveries.c.status != DeliveryStatus.PENDING)
        .values(
            url=url,
            host=host,
            status=DeliveryStatus.PENDING,
            replayed=True,
            tries=0,
            next_at=at,
            claim=None,
            ended_at=None,
        )
    )
    return result.rowcount == 1


async def redirect_pending(connection: AsyncConnection, endpoint_id: UUID, *, url: str, host: str) -> None:
    """Redirect the pending deliveries of an endpoint to its new URL."""
    await connection.execute(
        update(deliveries)
        .where(deliveries.c.endpoint_id == endpoint_id, deliveries.c.status == DeliveryStatus.PENDING)
        .values(url=url, host=host)
    )


async def ended_deliveries(
    connection: AsyncConnection, job_ids: Sequence[UUID], after: datetime, upto: datetime
) -> Sequence[Row[Any]]:
    """Return the deliveries about jobs that ended within a period, without their content."""
    names = ("id", "job_id", "host", "event", "at", "status", "tries", "log", "ended_at")
    ended = deliveries.c.ended_at > after, deliveries.c.ended_at <= upto
    query = select(*(deliveries.c[name] for name in names)).where(deliveries.c.job_id.in_(job_ids), *ended)
    return (await connection.execute(query)).all()


async def prune_deliveries(connection: AsyncConnection, *, before: datetime, limit: int) -> int:
    """Delete deliveries created and ended before a time; return how many, at most ``limit``.

    Pending ones stay. They are found by id, which is in order of creation, so that new ones are not read.
    """
    old = (
        select(deliveries.c.id)
        .where(deliveries.c.id < first_id(before), deliveries.c.status != DeliveryStatus.PENDING)
        .where(or_(deliveries.c.ended_at.is_(None), deliveries.c.ended_at < before))
        .order_by(deliveries.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    # as a subquery, PostgreSQL may read it again, and skip what it has locked
    ids = (await connection.scalars(old)).all()
    result = await connection.execute(delete(deliveries).where(deliveries.c.id.in_(ids)))
    return result.rowcount


@lru_cache(maxsize=2)
def _update_results(dialect: str) -> Update:
    columns: list[Column[Any]] = [deliveries.c[name] for name in ("id", "claim", *_RESULT_COLUMNS)]
    given = rows_source(dialect, columns)
    return (
        update(deliveries)
        .where(deliveries.c.id == given.c.id, deliveries.c.claim == given.c.claim)
        .values({"claim": None, **{name: given.c[name] for name in _RESULT_COLUMNS}})
    )
