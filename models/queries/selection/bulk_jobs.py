"""Jobs of bulk requests: counted, listed, locked a chunk at a time."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Row, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.operations.erased_prompts import MEMBER, START, is_erased
from models.queries.selection.job_filter import PARTS_ONLY, JobFilter, conditions
from models.tables import jobs

LEASED: ColumnElement[bool] = jobs.c.worker_id.is_not(None)
PART: ColumnElement[bool] = jobs.c.surface == PARTS_ONLY
ERASED: ColumnElement[bool] = and_(
    jobs.c.prompt.startswith(START, autoescape=True),  # quick; a person may write a prompt like it
    jobs.c.request[MEMBER].as_string().is_not(None),
)
_DECISION_COLUMNS: tuple[Column[Any], ...] = (
    *(jobs.c.id, jobs.c.caller_id, jobs.c.surface, jobs.c.status, jobs.c.worker_id),
    *(jobs.c.generation, jobs.c.expires_at, jobs.c.request),
)


@dataclass(frozen=True, slots=True)
class JobFacts:
    """What decides whether a bulk request may change a job."""

    status: str
    leased: bool  #: a worker has it; of an ended job: it still drops the call
    part: bool  #: of a Midjourney task
    erased: bool  #: its prompt was


async def count_matching(
    connection: AsyncConnection, caller_ids: Sequence[UUID], wanted: JobFilter
) -> dict[JobFacts, int]:
    """Count the jobs of callers that match, by what decides about them."""
    facts = jobs.c.status, LEASED.label("leased"), PART.label("part"), ERASED.label("erased")
    query = select(*facts, func.count()).where(*_matching(connection, caller_ids, wanted)).group_by(*facts)
    found = await connection.execute(query)
    return {JobFacts(status, *map(bool, more)): count for status, *more, count in found}


async def list_matching(
    connection: AsyncConnection, caller_ids: Sequence[UUID], wanted: JobFilter, *, limit: int
) -> Sequence[tuple[UUID, JobFacts]]:
    """Return the oldest jobs of callers that match, with what decides about them."""
    query = select(jobs.c.id, jobs.c.status, LEASED, PART, ERASED)
    query = query.where(*_matching(connection, caller_ids, wanted)).order_by(jobs.c.id).limit(limit)
    found = await connection.execute(query)
    return [(job_id, JobFacts(status, *map(bool, more))) for job_id, status, *more in found]


async def list_ids(
    connection: AsyncConnection,
    caller_ids: Sequence[UUID],
    wanted: JobFilter,
    statuses: Collection[str],
    *,
    above: UUID | None,
    limit: int,
) -> Sequence[UUID]:
    """Return the next jobs that match and are in one of these states, by id."""
    query = select(jobs.c.id).where(*_matching(connection, caller_ids, wanted))
    query = query.where(jobs.c.status.in_(sorted(statuses))).order_by(jobs.c.id).limit(limit)
    return list(await connection.scalars(query if above is None else query.where(jobs.c.id > above)))


async def lock_for_decision(connection: AsyncConnection, job_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """Lock jobs, always in the same order."""
    query = select(*_DECISION_COLUMNS).where(jobs.c.id.in_(job_ids)).order_by(jobs.c.id).with_for_update()
    return (await connection.execute(query)).all()


def facts_of(row: Row[Any]) -> JobFacts:
    """Return what decides about a locked job."""
    return JobFacts(row.status, row.worker_id is not None, row.surface == PARTS_ONLY, is_erased(row.request))


def _matching(
    connection: AsyncConnection, caller_ids: Sequence[UUID], wanted: JobFilter
) -> list[ColumnElement[bool]]:
    sqlite = connection.dialect.name == "sqlite"
    return [jobs.c.caller_id.in_(caller_ids), *conditions(wanted, sqlite=sqlite)]
