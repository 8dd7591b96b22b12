"""Attempt rows: inserted before a call is sent, finished with its result, amended by what is found later."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Insert, Row, Update, and_, case, delete, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models.driver.statement_batch import StatementBatch
from models.money.cost import NOT_CHARGED, UNDECIDED, Cost, CostSource
from models.outcomes import UNKNOWN, Billed, CallResult, Outcome
from models.queries.bulk import row_of, rows_parameter, rows_source, storable
from models.queries.leases import LeasedJob
from models.tables import attempts, jobs


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAttempt:
    """A call that is about to be sent, by the columns of its row."""

    job_id: UUID
    number: int
    generation: int
    channel: str
    worker_id: UUID
    sent_at: datetime
    billed: Billed = Billed.UNKNOWN
    reserved_micro: int | None = None  #: what it may cost
    currency: str | None = None
    price_version: str | None = None
    routing: str | None = None  #: why it goes to this channel; ``None``: by order


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRecord:
    """What a call came to, by the columns of its row.

    With ``finished_at`` it ends the attempt. Without, it amends one that had ended with an unknown outcome.
    """

    job_id: UUID
    number: int
    finished_at: datetime | None = None
    outcome: Outcome
    error_code: str | None = None
    billed: Billed
    http_status: int | None = None
    provider_request_id: str | None = None
    provider_message: str | None = None
    handles: Mapping[str, Any] | None = None  #: what the provider can be polled with
    cost_micro: int | None = None
    currency: str | None = None
    cost_source: CostSource | None = None
    price_version: str | None = None
    answer_facts: Mapping[str, Any] | None = None  #: what the provider says about its answer

    def charged(self, cost: Cost) -> "AttemptRecord":
        """Return the record with what the call has cost."""
        return replace(
            self,
            cost_micro=cost.micro,
            currency=cost.currency,
            cost_source=cost.source,
            price_version=cost.version,
        )

    @classmethod
    def of(
        cls,
        job_id: UUID,
        number: int,
        result: CallResult,
        *,
        finished_at: datetime | None = None,
        http_status: int | None = None,
        request_id: str | None = None,
        answer_facts: Mapping[str, Any] | None = None,
    ) -> "AttemptRecord":
        """Record a call's result. One that was not charged has cost nothing; others are ``charged`` later."""
        cost = NOT_CHARGED if result.billed in _FREE else UNDECIDED
        return cls(
            job_id=job_id,
            number=number,
            finished_at=finished_at,
            outcome=result.outcome,
            error_code=result.code,
            billed=result.billed,
            http_status=http_status,
            provider_request_id=storable(request_id)[:200] if request_id else None,
            provider_message=storable(result.provider_message)[:2000] if result.provider_message else None,
            cost_micro=cost.micro,
            currency=cost.currency,
            cost_source=cost.source,
            price_version=cost.version,
            answer_facts=answer_facts,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptResponse:
    """Where the raw response of a call is archived, known after the call's result is written."""

    job_id: UUID
    number: int
    raw_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptHandles:
    """What the provider can be polled with, known before the call ends."""

    job_id: UUID
    number: int
    handles: Mapping[str, Any]


_NEW = tuple(field.name for field in fields(NewAttempt))
_FINISHED = (
    *("finished_at", "outcome", "error_code", "http_status"),
    *("provider_request_id", "provider_message", "billed"),
    *("cost_micro", "cost_source"),
)
_FREE = (Billed.NO, Billed.LIKELY_NO)
# may be known before the call ends; a record without them keeps them
_SET_ONCE = ("handles", "currency", "price_version", "answer_facts")
_OPEN = (*UNKNOWN, Outcome.NO_IMAGE)  # outcomes that polling may change
_MOMENT = timedelta(seconds=3)  # refusals come sooner than that
_MOST_CALLS = 2_000  # of a channel, read to judge a refusal
_MOST_ENDED = 500  # of a channel, read to judge a failure
_WORKED = (Outcome.SUCCESS, Outcome.PERMANENT, Outcome.NO_IMAGE)  # the provider answered
_AMENDED = ("outcome", "error_code", "billed")
_COST = ("cost_micro", "cost_source")  # amended where it is known now


async def insert_attempts(connection: AsyncConnection | StatementBatch, new: Sequence[NewAttempt]) -> None:
    """Insert attempts whose calls are about to be sent."""
    if new:
        await connection.execute(
            _insert(connection.dialect.name), rows_parameter(connection, map(row_of, new))
        )


async def save_handles(connection: AsyncConnection | StatementBatch, known: Sequence[AttemptHandles]) -> None:
    """Save what calls in flight can be polled with."""
    if known:
        await connection.execute(
            _save_handles(connection.dialect.name), rows_parameter(connection, map(row_of, known))
        )


async def save_responses(
    connection: AsyncConnection | StatementBatch, archived: Sequence[AttemptResponse]
) -> None:
    """Save where raw responses are archived."""
    if archived:
        await connection.execute(
            _save_responses(connection.dialect.name), rows_parameter(connection, map(row_of, archived))
        )


async def finish_attempts(
    connection: AsyncConnection | StatementBatch, records: Sequence[AttemptRecord]
) -> None:
    """Write how calls ended. An attempt that had ended is left as it is."""
    if records:
        await connection.execute(
            _finish(connection.dialect.name), rows_parameter(connection, map(row_of, records))
        )


async def amend_attempts(connection: AsyncConnection, records: Sequence[AttemptRecord]) -> None:
    """Replace unknown outcomes. An outcome that is known is never replaced by an unknown one."""
    await connection.execute(
        _amend(connection.dialect.name), rows_parameter(connection, map(row_of, records))
    )


async def correct_attempt(connection: AsyncConnection, job_id: UUID, number: int) -> None:
    """Turn an attempt into a charged success: its archived response has an image after all."""
    await connection.execute(
        update(attempts)
        .where(attempts.c.job_id == job_id, attempts.c.number == number)
        .values(
            outcome=Outcome.SUCCESS.value,
            error_code=None,
            billed=Billed.YES.value,
            cost_micro=case(
                (func.coalesce(attempts.c.cost_micro, 0) > 0, attempts.c.cost_micro),
                else_=attempts.c.reserved_micro,
            ),
            cost_source=func.coalesce(attempts.c.cost_source, CostSource.UNKNOWN.value),
        )
    )


async def settle_decided(connection: AsyncConnection, job_ids: Sequence[UUID]) -> None:
    """Settle the calls of held jobs that a person has decided about: they may have been charged.

    A call whose cost is not known counts with what was reserved for it.
    """
    await connection.execute(
        update(attempts)
        .where(attempts.c.job_id.in_(job_ids), attempts.c.finished_at.is_not(None))
        .where(attempts.c.cost_micro.is_(None), attempts.c.reserved_micro.is_not(None))
        .values(cost_micro=attempts.c.reserved_micro)
    )


async def delete_attempts(connection: AsyncConnection, keys: Sequence[tuple[UUID, int]]) -> None:
    """Delete attempts by job and number whose calls were not sent."""
    for job_id, number in keys:
        same = (attempts.c.job_id == job_id, attempts.c.number == number)
        await connection.execute(delete(attempts).where(*same, attempts.c.finished_at.is_(None)))


async def earlier_results(
    connection: AsyncConnection, job_id: UUID, generation: int, number: int, *, channel: str | None = None
) -> Sequence[tuple[str | None, str | None]]:
    """Return outcome and error code of a job's attempts in this generation before attempt ``number``.

    Only those on ``channel``, if it is given.
    """
    statement = (
        select(attempts.c.outcome, attempts.c.error_code)
        .where(attempts.c.job_id == job_id, attempts.c.generation == generation)
        .where(attempts.c.number < number)
    )
    if channel is not None:
        statement = statement.where(attempts.c.channel == channel)
    return [(row.outcome, row.error_code) for row in await connection.execute(statement)]


class SentCall(NamedTuple):
    """A call of a channel. ``refused``: whether for too many calls; ``None``: it may still be."""

    sent_at: datetime
    refused: bool | None
    model: str = ""


async def recent_calls(
    connection: AsyncConnection, channel: str, at: datetime, refusals: Collection[str], age: timedelta
) -> Sequence[SentCall]:
    """Return the calls that a channel sent within ``age``, in order; the newest ``_MOST_CALLS`` at most.

    A call in flight counts as accepted, unless it was sent a moment ago.
    """
    refused = case(
        (attempts.c.error_code.in_(refusals), True),
        (or_(attempts.c.finished_at.is_not(None), attempts.c.sent_at < at - _MOMENT), False),
    )
    statement = (
        select(attempts.c.sent_at, refused, jobs.c.model)
        .where(jobs.c.id == attempts.c.job_id)
        .where(attempts.c.channel == channel, attempts.c.sent_at > at - age)
        .order_by(attempts.c.sent_at.desc(), attempts.c.number.desc(), attempts.c.job_id.desc())
        .limit(_MOST_CALLS)
    )
    return [SentCall(*row) for row in reversed((await connection.execute(statement)).all())]


class EndedCall(NamedTuple):
    """A call that ended: it ``failed``, or worked. ``failed_before``: so did an earlier call of its job."""

    job_id: UUID
    model: str
    finished_at: datetime
    failed: bool
    failed_before: bool = False


async def ended_calls(
    connection: AsyncConnection, channel: str, since: datetime, failures: Collection[str]
) -> Sequence[EndedCall]:
    """Return the calls of a channel since then that worked or failed with one of these codes.

    A call that the provider answered has worked, also without an image. The newest 500 are read.
    """
    earlier = attempts.alias()
    failed = attempts.c.error_code.in_(failures)
    again = exists().where(
        earlier.c.job_id == attempts.c.job_id,
        earlier.c.number < attempts.c.number,
        earlier.c.channel == channel,
        earlier.c.error_code.in_(failures),
    )
    columns = (attempts.c.job_id, jobs.c.model, attempts.c.finished_at)
    statement = (
        select(*columns, case((failed, True), else_=False), case((and_(failed, again), True), else_=False))
        .where(jobs.c.id == attempts.c.job_id, attempts.c.channel == channel, attempts.c.sent_at > since)
        .where(attempts.c.finished_at.is_not(None), or_(failed, attempts.c.outcome.in_(_WORKED)))
        .order_by(attempts.c.sent_at.desc())
        .limit(_MOST_ENDED)
    )
    return [EndedCall(*row) for row in await connection.execute(statement)]


async def open_attempt(connection: AsyncConnection, job: LeasedJob) -> Row[Any] | None:
    """Return the attempt of this generation that a job's worker has not finished, or ``None``."""
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
    given = rows_source(dialect, [attempts.c[name] for name in ("job_id", "number", *_FINISHED, *_SET_ONCE)])
    unless_null = {name: func.coalesce(given.c[name], attempts.c[name]) for name in _SET_ONCE}
    return (
        update(attempts)
        .where(attempts.c.job_id == given.c.job_id, attempts.c.number == given.c.number)
        .where(attempts.c.finished_at.is_(None))
        .values({name: given.c[name] for name in _FINISHED} | unless_null)
    )


@lru_cache(maxsize=2)
def _save_handles(dialect: str) -> Update:
    given = rows_source(dialect, [attempts.c[name] for name in ("job_id", "number", "handles")])
    return (
        update(attempts)
        .where(attempts.c.job_id == given.c.job_id, attempts.c.number == given.c.number)
        .where(attempts.c.finished_at.is_(None))
        .values(handles=given.c.handles)
    )


@lru_cache(maxsize=2)
def _save_responses(dialect: str) -> Update:
    given = rows_source(dialect, [attempts.c[name] for name in ("job_id", "number", "raw_key")])
    return (
        update(attempts)
        .where(attempts.c.job_id == given.c.job_id, attempts.c.number == given.c.number)
        .values(raw_key=given.c.raw_key)
    )


@lru_cache(maxsize=2)
def _amend(dialect: str) -> Update:
    known = ("provider_message", "http_status", "provider_request_id", *_SET_ONCE)
    names = dict.fromkeys(("job_id", "number", *_AMENDED, *known, *_COST))
    given = rows_source(dialect, [attempts.c[name] for name in names])
    unless_null = {name: func.coalesce(given.c[name], attempts.c[name]) for name in (*known, *_COST)}
    return (
        update(attempts)
        .where(attempts.c.job_id == given.c.job_id, attempts.c.number == given.c.number)
        .where(attempts.c.outcome.in_(_OPEN))
        .where(or_(given.c.outcome.not_in(UNKNOWN), attempts.c.outcome.in_(UNKNOWN)))
        .values({name: given.c[name] for name in _AMENDED} | unless_null)
    )
