"""Statistics of recent calls: counts and samples, by channel and by set of jobs."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.states import OPEN, JobStatus
from models.tables import attempts, jobs

IN_PROGRESS = sorted(status.value for status in OPEN - {JobStatus.QUEUED})
SAMPLE = 500  #: calls of one channel that are read, at most


async def count_starts(connection: AsyncConnection, channel: str, since: datetime) -> int:
    """Count the calls that a channel sent since then."""
    statement = (
        select(func.count())
        .select_from(attempts)
        .where(attempts.c.channel == channel, attempts.c.sent_at > since)
    )
    return await connection.scalar(statement) or 0


async def count_sent_or_leased(
    connection: AsyncConnection, channel: Row[Any], since: datetime, *, model: str = ""
) -> int:
    """Count the calls that a channel sent since then and its leased jobs, of one model if given.

    It is one statement, so that a job that starts meanwhile is counted once.
    """
    sent = select(func.count()).select_from(attempts)
    sent = sent.where(attempts.c.channel == channel.name, attempts.c.sent_at >= since)
    leased = select(func.count()).select_from(jobs)
    leased = leased.where(jobs.c.worker_id.is_not(None), jobs.c.status == JobStatus.LEASED.value)
    leased = leased.where(jobs.c.channel_id == channel.id)
    if model:
        sent = sent.where(jobs.c.id == attempts.c.job_id, jobs.c.model == model)
        leased = leased.where(jobs.c.model == model)
    statement = select(sent.scalar_subquery() + leased.scalar_subquery())
    return await connection.scalar(statement) or 0


async def newest_calls(connection: AsyncConnection, channel: str, since: datetime) -> Sequence[Row[Any]]:
    """Return (sent_at, finished_at, outcome) of the calls since then, newest first, ``SAMPLE`` at most."""
    statement: Select[Any] = (
        select(attempts.c.sent_at, attempts.c.finished_at, attempts.c.outcome)
        .where(attempts.c.channel == channel, attempts.c.sent_at > since)
        .order_by(attempts.c.sent_at.desc())
        .limit(SAMPLE)
    )
    rows: Sequence[Row[Any]] = (await connection.execute(statement)).all()
    return rows


async def not_understood(connection: AsyncConnection, channel: str, since: datetime) -> Sequence[UUID]:
    """Return the jobs of answers since then that no rule understood, newest first, ``SAMPLE`` at most."""
    statement = (
        select(attempts.c.job_id)
        .where(attempts.c.channel == channel, attempts.c.sent_at > since)
        .where(attempts.c.error_code == "not_understood")
        .order_by(attempts.c.sent_at.desc())
        .limit(SAMPLE)
    )
    return (await connection.scalars(statement)).all()


async def count_calls(
    connection: AsyncConnection,
    channels: Sequence[str],
    since: datetime,
    *,
    caller_id: UUID,
    campaign: str | None,
    model: str | None,
) -> int:
    """Count the calls that were sent since then for a caller's jobs, of one campaign or model if given."""
    statement = (
        select(func.count())
        .select_from(attempts.join(jobs, jobs.c.id == attempts.c.job_id))
        .where(attempts.c.channel.in_(channels), attempts.c.sent_at > since, jobs.c.caller_id == caller_id)
        .where(*_of_set(campaign, model))
    )
    return await connection.scalar(statement) or 0


async def count_in_progress(
    connection: AsyncConnection, caller_id: UUID, *, campaign: str | None, model: str | None
) -> dict[str, int]:
    """Count a caller's open jobs that are not queued, by status, of one campaign or model if given."""
    statement = (
        select(jobs.c.status, func.count())
        .where(jobs.c.caller_id == caller_id, jobs.c.status.in_(IN_PROGRESS))
        .where(*_of_set(campaign, model))
        .group_by(jobs.c.status)
    )
    counted = {row[0]: int(row[1]) for row in await connection.execute(statement)}
    return {status: counted.get(status, 0) for status in IN_PROGRESS}


async def count_by_campaign(
    connection: AsyncConnection, caller_ids: Sequence[UUID], names: Sequence[str]
) -> Mapping[tuple[UUID, str], dict[str, int]]:
    """Count open jobs that are not queued as ``count_in_progress`` does, by caller and campaign."""
    counted: dict[tuple[UUID, str], dict[str, int]] = {
        (caller_id, name): dict.fromkeys(IN_PROGRESS, 0) for caller_id in caller_ids for name in names
    }
    key = jobs.c.caller_id, jobs.c.campaign, jobs.c.status
    own = jobs.c.caller_id.in_(caller_ids), jobs.c.campaign.in_(names), jobs.c.status.in_(IN_PROGRESS)
    for caller_id, name, status, count in await connection.execute(
        select(*key, func.count()).where(*own).group_by(*key)
    ):
        counted[caller_id, name][status] = int(count)
    return counted


async def last_backoff(
    connection: AsyncConnection, caller_id: UUID, *, campaign: str | None, model: str
) -> datetime | None:
    """Return when the last of a caller's queued jobs of a model that failed is due again."""
    statement = (
        select(func.max(jobs.c.not_before))
        .where(jobs.c.status == JobStatus.QUEUED.value, jobs.c.backing_off, jobs.c.caller_id == caller_id)
        .where(*_of_set(campaign, model))
    )
    until: datetime | None = await connection.scalar(statement)
    return until


def _of_set(campaign: str | None, model: str | None) -> list[ColumnElement[bool]]:
    given = ((jobs.c.campaign, campaign), (jobs.c.model, model))
    return [column == value for column, value in given if value is not None]
