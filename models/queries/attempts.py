"""Attempt rows: written before the bytes leave, completed when the answer is judged."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Insert, Row, Update, case, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models.outcomes import UNKNOWN, Billed, Outcome
from models.queries.bulk import rows_parameter, rows_source
from models.queries.leases import LeasedJob
from models.tables import attempts

_NEW = ("job_id", "number", "generation", "channel", "worker_id", "sent_at", "billed")
_ENDED = (
    "finished_at",
    "outcome",
    "error_code",
    "http_status",
    "provider_request_id",
    "provider_message",
    "billed",
)
_NOTED = ("handles", "raw_key")  # may be known before the call ends, and are not forgotten then
_OPEN = (*UNKNOWN, Outcome.NO_IMAGE)  # outcomes that asking again may change
_MOMENT = timedelta(seconds=3)  # refusals come sooner than that
_AMENDED = ("outcome", "error_code", "billed")


async def insert_attempts(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Note calls that are about to be sent."""
    if rows:
        await connection.execute(_insert(connection.dialect.name), rows_parameter(connection, rows))


async def finish_attempts(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Note how calls ended."""
    if rows:
        await connection.execute(_finish(connection.dialect.name), rows_parameter(connection, rows))


async def save_handles(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Note by what calls that are still open can be asked for again."""
    if rows:
        await connection.execute(_note(connection.dialect.name), rows_parameter(connection, rows))


async def amend_attempts(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Note what became of calls whose end was unknown; a guess does not replace what is known."""
    if rows:
        await connection.execute(_amend(connection.dialect.name), rows_parameter(connection, rows))


async def delete_attempts(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Forget calls that were noted and not sent."""
    for row in rows:
        same = (attempts.c.job_id == row["job_id"], attempts.c.number == row["number"])
        await connection.execute(delete(attempts).where(*same, attempts.c.finished_at.is_(None)))


async def endings_before(
    connection: AsyncConnection, job_id: UUID, generation: int, number: int
) -> Sequence[tuple[str | None, str | None]]:
    """Return outcome and error code of a job's calls in this generation before call ``number``."""
    statement = (
        select(attempts.c.outcome, attempts.c.error_code)
        .where(attempts.c.job_id == job_id, attempts.c.generation == generation)
        .where(attempts.c.number < number)
    )
    return [(row.outcome, row.error_code) for row in await connection.execute(statement)]


async def last_minute(
    connection: AsyncConnection, channel: str, at: datetime, refusals: Collection[str]
) -> tuple[int, datetime | None, datetime | None]:
    """Return how many calls a channel accepted in the last minute, and when the first and the last were sent.

    A call that left a moment ago may be refused yet: it is counted, but it is not taken for the last.
    """
    sent, since = attempts.c.sent_at, at - timedelta(minutes=1)
    sure = or_(attempts.c.finished_at.is_not(None), sent < at - _MOMENT)
    statement = select(func.count(), func.min(sent), func.max(case((sure, sent)))).where(
        attempts.c.channel == channel,
        sent > since,
        or_(attempts.c.error_code.is_(None), attempts.c.error_code.not_in(refusals)),
    )
    count, oldest, newest = (await connection.execute(statement)).one()
    return count, oldest, newest


async def open_attempt(connection: AsyncConnection, job: LeasedJob) -> Row[Any] | None:
    """Return the call that a job's worker has made in this generation, if nobody knows how it ended."""
    statement = (
        select(attempts)
        .where(attempts.c.job_id == job.id, attempts.c.generation == job.generation)
        .where(attempts.c.worker_id == job.worker_id, attempts.c.finished_at.is_(None))
        .order_by(attempts.c.number.desc())
        .limit(1)
    )
    return (await connection.execute(statement)).one_or_none()


@lru_cache(maxsize=2)
def _insert(dialect: str) -> Insert:
    given = rows_source(dialect, [attempts.c[name] for name in _NEW])
    return insert(attempts).from_select(list(_NEW), select(*(given.c[name] for name in _NEW)))


@lru_cache(maxsize=2)
def _finish(dialect: str) -> Update:
    given = rows_source(dialect, [attempts.c[name] for name in ("job_id", "number", *_ENDED, *_NOTED)])
    kept = {name: func.coalesce(given.c[name], attempts.c[name]) for name in _NOTED}
    return (
        update(attempts)
        .where(attempts.c.job_id == given.c.job_id, attempts.c.number == given.c.number)
        .where(attempts.c.finished_at.is_(None))
        .values({name: given.c[name] for name in _ENDED} | kept)
    )


@lru_cache(maxsize=2)
def _note(dialect: str) -> Update:
    given = rows_source(dialect, [attempts.c[name] for name in ("job_id", "number", "handles")])
    return (
        update(attempts)
        .where(attempts.c.job_id == given.c.job_id, attempts.c.number == given.c.number)
        .where(attempts.c.finished_at.is_(None))
        .values(handles=given.c.handles)
    )


@lru_cache(maxsize=2)
def _amend(dialect: str) -> Update:
    known = ("provider_message", "http_status", "provider_request_id", *_NOTED)
    names = dict.fromkeys(("job_id", "number", *_AMENDED, *known))
    given = rows_source(dialect, [attempts.c[name] for name in names])
    kept = {name: func.coalesce(given.c[name], attempts.c[name]) for name in known}
    return (
        update(attempts)
        .where(attempts.c.job_id == given.c.job_id, attempts.c.number == given.c.number)
        .where(attempts.c.outcome.in_(_OPEN))
        .where(or_(given.c.outcome.not_in(UNKNOWN), attempts.c.outcome.in_(UNKNOWN)))
        .values({name: given.c[name] for name in _AMENDED} | kept)
    )


# What was found out later about calls that had ended, by reading their kept answers again.


async def correct_attempt(connection: AsyncConnection, job_id: UUID, number: int) -> None:
    """Note that a call had brought a picture after all, and was charged."""
    await connection.execute(
        update(attempts)
        .where(attempts.c.job_id == job_id, attempts.c.number == number)
        .values(outcome=Outcome.SUCCESS.value, error_code=None, billed=Billed.YES.value)
    )
