"""The outbox: what is to be told, written in the transaction that changes the state."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import (
    Column,
    ColumnElement,
    Exists,
    Insert,
    Row,
    and_,
    exists,
    insert,
    literal,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from models.clock import rfc3339
from models.ids import new_id
from models.queries.bulk import rows_parameter, rows_source
from models.tables import jobs
from models.tables import webhook_deliveries as deliveries
from models.tables import webhook_endpoints as endpoints
from models.webhook_events import OWN_EVENTS, USUAL, DeliveryStatus, WebhookEvent

_TEXT = 4000  # characters of a model's words that are kept for a message
WHOLE = "body"
"""Where a snapshot keeps a message that was written when it happened."""
_SNAPSHOT = ("status", "revision", "generation", "progress", "error", "text", "started_at", "finished_at")


@dataclass(frozen=True, slots=True)
class JobEvent:
    """One change of a job that somebody may want to hear of."""

    job_id: UUID
    event: WebhookEvent
    at: datetime


def has_listener() -> tuple[ColumnElement[Any], ColumnElement[bool]]:
    """Return, of changed jobs, their own address, and whether their caller has an endpoint: one cheap look.

    Not as one condition: SQLite 3.40 takes ``IS NOT NULL`` for true in the RETURNING of an UPDATE … FROM.
    """
    caller: ColumnElement[Any] = literal_column("jobs.caller_id")  # a bare name would mean the endpoint's
    return jobs.c.webhook_url, select(literal(1)).where(_enabled(caller)).exists()


async def enqueue(connection: AsyncConnection, news: Sequence[JobEvent]) -> bool:
    """Write a delivery for each who wants to hear of these changes; return whether there is one.

    The jobs' rows must be as the changes left them: a message shows the job at its change, however late it
    is sent.
    """
    by_job = {each.job_id: each for each in news}
    rows: list[dict[str, Any]] = []
    own: set[UUID] = set()
    for row in await connection.execute(_listeners(tuple(by_job))):
        found = by_job[row.id]
        if row.endpoint_id is not None and found.event in row.endpoint_events:
            rows.append(_delivery(row, found, row.endpoint_id, row.endpoint_url))
        if row.id not in own and row.webhook_url is not None and not row.stopped:
            own.add(row.id)
            if found.event in OWN_EVENTS.get(row.surface, USUAL):
                rows.append(_delivery(row, found, None, row.webhook_url))
    for endpoint_id in {row["endpoint_id"] for row in rows}:
        told = [row for row in rows if row["endpoint_id"] == endpoint_id]
        jobs_told, at = [row["job_id"] for row in told], max(row["at"] for row in told)
        _wait(told, await _supersede(connection, jobs_told, at, to=endpoint_id))
    if rows:
        await insert_deliveries(connection, rows)
    return bool(rows)


async def enqueue_message(
    connection: AsyncConnection,
    *,
    caller_id: UUID,
    job_id: UUID | None,
    url: str,
    event: WebhookEvent,
    revision: int,
    body: Mapping[str, Any],
    at: datetime,
) -> None:
    """Write a delivery whose message is whole already; it replaces older progress of the same job.

    ``job_id`` puts it in order with others of that job, by ``revision``; without one it stands alone.
    A receiver that wanted no more of that job is told nothing.
    """
    waits: Mapping[UUID, datetime] = {}
    if job_id is not None:
        if await connection.scalar(select(_gone(literal(job_id, deliveries.c.job_id.type)))):
            return
        waits = await _supersede(connection, [job_id], at, to=None)
    row = new_delivery(
        caller_id=caller_id,
        endpoint_id=None,
        job_id=job_id,
        url=url,
        event=event,
        revision=revision,
        snapshot={WHOLE: body, "started_at": None, "finished_at": None},
        at=at,
    )
    _wait([row], waits)
    await insert_deliveries(connection, [row])


async def insert_deliveries(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write deliveries, as ``new_delivery`` makes them."""
    await connection.execute(_insert(connection.dialect.name), rows_parameter(connection, rows))


def new_delivery(**values: Any) -> dict[str, Any]:
    """Return the row of a delivery that is due at once; ``values`` say of what, for whom, and to where."""
    return {
        "id": new_id(),
        "host": host_of(values["url"]),
        "status": DeliveryStatus.PENDING,
        "replayed": False,
        "tries": 0,
        "next_at": values["at"],
        "claim": None,
        "log": [],
        "ended_at": None,
        **values,
    }


def host_of(url: str) -> str:
    """Return host and port of an address."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()


def _delivery(row: Row[Any], found: JobEvent, endpoint_id: UUID | None, url: str) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in _SNAPSHOT}
    values["text"] = values["text"] and values["text"][:_TEXT]
    return new_delivery(
        caller_id=row.caller_id,
        endpoint_id=endpoint_id,
        job_id=row.id,
        url=url,
        event=found.event,
        revision=row.revision,
        snapshot={name: rfc3339(v) if isinstance(v, datetime) else v for name, v in values.items()},
        at=found.at,
    )


def _enabled(caller: ColumnElement[Any]) -> ColumnElement[bool]:
    return and_(
        endpoints.c.caller_id == caller,
        endpoints.c.url.is_not(None),
        endpoints.c.disabled_at.is_(None),
        endpoints.c.deleted_at.is_(None),
    )


def _gone(job_id: ColumnElement[Any]) -> Exists:
    """Return whether a job's own address wanted no more."""
    return exists().where(
        deliveries.c.job_id == job_id,
        deliveries.c.endpoint_id.is_(None),
        deliveries.c.status == DeliveryStatus.STOPPED,
    )


def _listeners(job_ids: Sequence[UUID]) -> Any:
    """Select each of these jobs, with each endpoint that listens to it, or without any."""
    columns: tuple[Column[Any], ...] = tuple(jobs.c[name] for name in _SNAPSHOT)
    return (
        select(
            *(jobs.c.id, jobs.c.caller_id, jobs.c.surface, jobs.c.webhook_url, *columns),
            and_(jobs.c.webhook_url.is_not(None), _gone(jobs.c.id).correlate(jobs)).label("stopped"),
            endpoints.c.id.label("endpoint_id"),
            endpoints.c.url.label("endpoint_url"),
            endpoints.c.events.label("endpoint_events"),
        )
        .select_from(jobs.outerjoin(endpoints, _enabled(jobs.c.caller_id)))
        .where(jobs.c.id.in_(job_ids))
    )


async def _supersede(
    connection: AsyncConnection, job_ids: Sequence[UUID], at: datetime, *, to: UUID | None
) -> Mapping[UUID, datetime]:
    """Drop progress that is older than what the same receiver is told now; return until when it would wait.

    Not what is on its way, in a claim that holds. ``to`` is an endpoint; ``None``: the jobs' own addresses.
    """
    dropped = await connection.execute(
        update(deliveries)
        .where(deliveries.c.job_id.in_(job_ids), deliveries.c.status == DeliveryStatus.PENDING)
        .where(deliveries.c.event == WebhookEvent.PROGRESS)
        .where(deliveries.c.endpoint_id.is_(None) if to is None else deliveries.c.endpoint_id == to)
        .where(or_(deliveries.c.claim.is_(None), deliveries.c.next_at <= at))
        .values(status=DeliveryStatus.SUPERSEDED, claim=None)
        .returning(deliveries.c.job_id, deliveries.c.next_at)
    )
    waits: dict[UUID, datetime] = {}
    for row in dropped:
        waits[row.job_id] = max(row.next_at, waits.get(row.job_id, row.next_at))
    return waits


def _wait(rows: Sequence[dict[str, Any]], waits: Mapping[UUID, datetime]) -> None:
    """Let progress wait as long as what it replaces: the receiver has failed, or named a time.

    An end goes out at once.
    """
    for row in rows:
        if row["event"] == WebhookEvent.PROGRESS and row["job_id"] in waits:
            row["next_at"] = max(row["next_at"], waits[row["job_id"]])


@lru_cache(maxsize=2)
def _insert(dialect: str) -> Insert:
    given = rows_source(dialect, list(deliveries.c))
    return insert(deliveries).from_select(
        [c.name for c in deliveries.c], select(*(given.c[c.name] for c in deliveries.c))
    )
