"""Transactional outbox: deliveries are inserted in the transaction that changes the job's state."""

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
from models.integrity.unreadable import Unreadable
from models.openai.events import event_body, response_id
from models.queries.bulk import rows_parameter, rows_source
from models.request import is_background_response
from models.tables import jobs
from models.tables import webhook_deliveries as deliveries
from models.tables import webhook_endpoints as endpoints
from models.webhook_events import DEFAULT_EVENTS, RESPONSE_EVENT_OF, DeliveryStatus, WebhookEvent

BODY_KEY = "body"  #: under which a snapshot keeps a body that was rendered at the event
_TEXT_LIMIT = 4000  # characters of a job's text that a snapshot keeps
_SNAPSHOT = ("status", "revision", "generation", "progress", "error", "text", "started_at", "finished_at")


@dataclass(frozen=True, slots=True)
class JobEvent:
    """One change of a job for which deliveries may be due."""

    job_id: UUID
    event: WebhookEvent
    at: datetime


def has_listener() -> tuple[ColumnElement[Any], ColumnElement[bool]]:
    """Return two columns of changed jobs: their own URL, and whether their caller has an open endpoint.

    Not as one condition: SQLite 3.40 takes ``IS NOT NULL`` for true in the RETURNING of an UPDATE … FROM.
    """
    caller: ColumnElement[Any] = literal_column("jobs.caller_id")  # a bare name would mean the endpoint's
    return jobs.c.webhook_url, select(literal(1)).where(_enabled(caller)).exists()


async def enqueue(connection: AsyncConnection, job_events: Sequence[JobEvent]) -> bool:
    """Insert a delivery for every receiver subscribed to these events; return whether there is one.

    The jobs' rows must be as the changes left them: a delivery keeps a snapshot of the job at its event,
    however late it is sent.
    """
    by_job = {each.job_id: each for each in job_events}
    rows: list[dict[str, Any]] = []
    of_responses: list[tuple[Row[Any], JobEvent]] = []
    with_own_url: set[UUID] = set()
    for row in await connection.execute(_subscribers(tuple(by_job))):
        job_event = by_job[row.id]
        if (
            row.endpoint_id is not None
            and isinstance(row.endpoint_events, list)
            and job_event.event in row.endpoint_events
        ):
            rows.append(_delivery(row, job_event, row.endpoint_id, row.endpoint_url))
        if _may_be_response(row, job_event):
            of_responses.append((row, job_event))
        if row.id not in with_own_url and row.webhook_url is not None and not row.stopped:
            with_own_url.add(row.id)
            if job_event.event in DEFAULT_EVENTS:
                rows.append(_delivery(row, job_event, None, row.webhook_url))
    for endpoint_id in {row["endpoint_id"] for row in rows}:
        newer = [row for row in rows if row["endpoint_id"] == endpoint_id]
        job_ids, at = [row["job_id"] for row in newer], max(row["at"] for row in newer)
        _defer_progress(newer, await _supersede_progress(connection, job_ids, at, endpoint_id=endpoint_id))
    if of_responses:
        rows += await _response_deliveries(connection, of_responses)
    if rows:
        await insert_deliveries(connection, rows)
    return bool(rows)


def _may_be_response(row: Row[Any], job_event: JobEvent) -> bool:
    """Return whether an endpoint wants the event of a response, if the job is one."""
    events = row.endpoint_events if row.endpoint_id is not None else None
    return (
        row.surface == "openai"
        and isinstance(events, list)
        and RESPONSE_EVENT_OF.get(job_event.event) in events
    )


async def _response_deliveries(
    connection: AsyncConnection, wanted: Sequence[tuple[Row[Any], JobEvent]]
) -> list[dict[str, Any]]:
    """Return the deliveries of those jobs that are background responses of the OpenAI API."""
    ids = {row.id for row, _ in wanted}
    found = await connection.execute(select(jobs.c.id, jobs.c.request).where(jobs.c.id.in_(ids)))
    responses = {row.id for row in found if is_background_response(row.request)}
    rows = []
    for row, job_event in wanted:
        if row.id not in responses:
            continue
        key, event = new_id(), RESPONSE_EVENT_OF[job_event.event]
        body = event_body(key, event.value, response_id(row.id), job_event.at)
        rows.append(
            new_delivery(
                id=key,
                caller_id=row.caller_id,
                endpoint_id=row.endpoint_id,
                job_id=row.id,
                url=row.endpoint_url,
                event=event,
                revision=row.revision,
                snapshot={BODY_KEY: body, "started_at": None, "finished_at": None},
                at=job_event.at,
            )
        )
    return rows


async def enqueue_message(
    connection: AsyncConnection,
    *,
    caller_id: UUID,
    job_id: UUID | None,
    task_id: int | None,
    url: str,
    event: WebhookEvent,
    revision: int,
    body: Mapping[str, Any],
    at: datetime,
) -> None:
    """Insert a delivery whose body is rendered already; it supersedes older progress of the same job.

    ``job_id`` puts it in order with other deliveries of that job, by ``revision``, and ``task_id`` with those
    of a Midjourney task without jobs. ``at``: when it is due. After the receiver answered 410 for that job,
    nothing is inserted.
    """
    next_at_by_job: Mapping[UUID, datetime] = {}
    if job_id is not None:
        if await connection.scalar(select(_stopped(literal(job_id, deliveries.c.job_id.type)))):
            return
        next_at_by_job = await _supersede_progress(connection, [job_id], at, endpoint_id=None)
    row = new_delivery(
        caller_id=caller_id,
        endpoint_id=None,
        job_id=job_id,
        task_id=task_id,
        url=url,
        event=event,
        revision=revision,
        snapshot={BODY_KEY: body, "started_at": None, "finished_at": None},
        at=at,
    )
    _defer_progress([row], next_at_by_job)
    await insert_deliveries(connection, [row])


async def insert_deliveries(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that ``new_delivery`` made."""
    await connection.execute(_insert(connection.dialect.name), rows_parameter(connection, rows))


def new_delivery(**values: Any) -> dict[str, Any]:
    """Return the row of a delivery that is due at once; ``values`` are its columns without a default."""
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
        "task_id": None,
        **values,
    }


def host_of(url: str) -> str:
    """Return host and port of a URL."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()


def _delivery(row: Row[Any], job_event: JobEvent, endpoint_id: UUID | None, url: str) -> dict[str, Any]:
    values = {name: None if isinstance(v := getattr(row, name), Unreadable) else v for name in _SNAPSHOT}
    values["text"] = values["text"] and values["text"][:_TEXT_LIMIT]
    return new_delivery(
        caller_id=row.caller_id,
        endpoint_id=endpoint_id,
        job_id=row.id,
        url=url,
        event=job_event.event,
        revision=row.revision,
        snapshot={name: rfc3339(v) if isinstance(v, datetime) else v for name, v in values.items()},
        at=job_event.at,
    )


def _enabled(caller: ColumnElement[Any]) -> ColumnElement[bool]:
    return and_(
        endpoints.c.caller_id == caller,
        endpoints.c.url.is_not(None),
        endpoints.c.disabled_at.is_(None),
        endpoints.c.deleted_at.is_(None),
    )


def _stopped(job_id: ColumnElement[Any]) -> Exists:
    """Return whether the receiver of a job's own URL answered 410."""
    return exists().where(
        deliveries.c.job_id == job_id,
        deliveries.c.endpoint_id.is_(None),
        deliveries.c.status == DeliveryStatus.STOPPED,
    )


def _subscribers(job_ids: Sequence[UUID]) -> Any:
    """Select these jobs, each with every open endpoint of its caller, or once without any."""
    columns: tuple[Column[Any], ...] = tuple(jobs.c[name] for name in _SNAPSHOT)
    return (
        select(
            *(jobs.c.id, jobs.c.caller_id, jobs.c.surface, jobs.c.webhook_url, *columns),
            and_(jobs.c.webhook_url.is_not(None), _stopped(jobs.c.id).correlate(jobs)).label("stopped"),
            endpoints.c.id.label("endpoint_id"),
            endpoints.c.url.label("endpoint_url"),
            endpoints.c.events.label("endpoint_events"),
        )
        .select_from(jobs.outerjoin(endpoints, _enabled(jobs.c.caller_id)))
        .where(jobs.c.id.in_(job_ids))
    )


async def _supersede_progress(
    connection: AsyncConnection, job_ids: Sequence[UUID], at: datetime, *, endpoint_id: UUID | None
) -> Mapping[UUID, datetime]:
    """Supersede pending progress of these jobs; return by job until when it would have waited.

    Not progress that is being sent, under a claim that holds, nor a start that was never sent. ``None``: of
    the jobs' own URLs.
    """
    superseded = await connection.execute(
        update(deliveries)
        .where(deliveries.c.job_id.in_(job_ids), deliveries.c.status == DeliveryStatus.PENDING)
        .where(
            or_(
                deliveries.c.event == WebhookEvent.PROGRESS,
                and_(deliveries.c.event == WebhookEvent.STARTED, deliveries.c.tries > 0),
            )
        )
        .where(
            deliveries.c.endpoint_id.is_(None)
            if endpoint_id is None
            else deliveries.c.endpoint_id == endpoint_id
        )
        .where(or_(deliveries.c.claim.is_(None), deliveries.c.next_at <= at))
        .values(status=DeliveryStatus.SUPERSEDED, claim=None)
        .returning(deliveries.c.job_id, deliveries.c.next_at)
    )
    next_at_by_job: dict[UUID, datetime] = {}
    for row in superseded:
        next_at_by_job[row.job_id] = max(row.next_at, next_at_by_job.get(row.job_id, row.next_at))
    return next_at_by_job


def _defer_progress(rows: Sequence[dict[str, Any]], next_at_by_job: Mapping[UUID, datetime]) -> None:
    """Let progress wait as long as what it supersedes: the receiver has failed, or sent ``Retry-After``.

    The final event of a job is due at once.
    """
    for row in rows:
        if row["event"] == WebhookEvent.PROGRESS and row["job_id"] in next_at_by_job:
            row["next_at"] = max(row["next_at"], next_at_by_job[row["job_id"]])


@lru_cache(maxsize=2)
def _insert(dialect: str) -> Insert:
    given = rows_source(dialect, list(deliveries.c))
    return insert(deliveries).from_select(
        [c.name for c in deliveries.c], select(*(given.c[c.name] for c in deliveries.c))
    )
