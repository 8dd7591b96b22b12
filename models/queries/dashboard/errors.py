"""Failed calls for the page of errors, and what was decided about groups of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.tables import attempts, channels, error_decisions, jobs

MOST_FAILURES = 20_000  #: newest failures that are grouped
_LONGEST = 300  # characters of a message that are compared


@dataclass(frozen=True, slots=True)
class FailedCall:
    """A call that failed."""

    job_id: UUID
    job_status: str
    channel: str
    model: str
    code: str
    message: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided about a group: ``resolved`` until it occurs again, or ``ignored``."""

    decision: str
    by: str
    at: datetime


async def list_failures(
    connection: AsyncConnection, since: datetime, *, caller_id: UUID | None = None
) -> list[FailedCall]:
    """Return the failed calls since then, newest first, of one caller or of all."""
    here = attempts.c
    query = (
        select(
            here.job_id,
            jobs.c.status,
            here.channel,
            jobs.c.model,
            here.error_code,
            func.substr(func.coalesce(here.provider_message, ""), 1, _LONGEST),
            here.sent_at,
        )
        .join(jobs, jobs.c.id == here.job_id)
        .where(here.channel.in_(select(channels.c.name)), here.sent_at >= since, here.error_code.is_not(None))
        .order_by(here.sent_at.desc())
        .limit(MOST_FAILURES)
    )
    if caller_id is not None:
        query = query.where(jobs.c.caller_id == caller_id)
    return [FailedCall(*row) for row in await connection.execute(query)]


async def read_decisions(connection: AsyncConnection) -> Mapping[str, Decision]:
    """Return the decisions by fingerprint."""
    rows: Sequence[Row[Any]] = (await connection.execute(select(error_decisions))).all()
    return {row.fingerprint: Decision(row.decision, row.by, row.at) for row in rows}


async def decide(
    connection: AsyncConnection, fingerprint: str, decision: str | None, *, by: str, at: datetime
) -> None:
    """Note a decision about a group; ``None`` removes it."""
    await connection.execute(delete(error_decisions).where(error_decisions.c.fingerprint == fingerprint))
    if decision is not None:
        row = {"fingerprint": fingerprint, "decision": decision, "by": by, "at": at}
        await connection.execute(insert(error_decisions).values(**row))
