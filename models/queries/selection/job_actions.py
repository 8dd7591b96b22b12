"""Bulk actions on jobs: insert with a frozen set of jobs, claim, go through in chunks, abort, list."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, func, insert, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.queries.selection import action_claims
from models.queries.selection.bulk_jobs import ERASED, LEASED, PART, JobFacts
from models.queries.selection.job_filter import JobFilter, conditions
from models.tables import job_action_jobs as frozen
from models.tables import job_actions as actions
from models.tables import jobs


@dataclass(frozen=True, slots=True, kw_only=True)
class JobAction:
    """A bulk action on jobs as it is stored."""

    id: UUID
    caller_id: UUID
    kind: str
    status: str
    may_pay_twice: bool
    filter: Mapping[str, Any] | None
    key_id: UUID | None
    by: str
    eligible: int
    cursor: int
    done: int
    failed: int
    skipped: Sequence[Mapping[str, Any]]
    samples: Sequence[Mapping[str, Any]]
    charged: int
    cost: Mapping[str, Any]
    detail: str | None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class FrozenJob:
    """A job of an action, in the generation that it had when the action was begun."""

    position: int
    job_id: UUID
    generation: int


_ACTIONS: Select[Any] = select(*(actions.c[field.name] for field in fields(JobAction)))


list_unclaimed = partial(action_claims.list_unclaimed, actions)
claim = partial(action_claims.claim, actions)
release = partial(action_claims.release, actions)
change_action = partial(action_claims.change_action, actions)


def _action(row: Row[Any]) -> JobAction:
    return JobAction(**row._mapping)


async def insert_action(
    connection: AsyncConnection, key: UUID, *, at: datetime, values: Mapping[str, Any]
) -> JobAction:
    """Insert an action and return it; ``values``: the columns that have no first value."""
    first = {"cursor": 0, "done": 0, "failed": 0, "created_at": at, "updated_at": at}
    await connection.execute(insert(actions).values(id=key, **first, **values))
    found = await find_action(connection, key)
    assert found is not None
    return found


async def freeze_jobs(
    connection: AsyncConnection,
    action_id: UUID,
    caller_ids: Sequence[UUID],
    wanted: JobFilter,
    allowed: Collection[JobFacts],
) -> int:
    """Copy the jobs that match and have allowed facts, oldest first, to an action; return how many."""
    sqlite = connection.dialect.name == "sqlite"
    chosen = jobs.c.caller_id.in_(caller_ids), *conditions(wanted, sqlite=sqlite)
    order = func.row_number().over(order_by=jobs.c.id)
    query = select(literal(action_id, actions.c.id.type), order, jobs.c.id, jobs.c.generation)
    query = query.where(*chosen, _any_of(allowed))
    names = ["action_id", "position", "job_id", "generation"]
    await connection.execute(insert(frozen).from_select(names, query, include_defaults=False))
    count = select(func.count()).select_from(frozen).where(frozen.c.action_id == action_id)
    return await connection.scalar(count) or 0


async def list_samples(connection: AsyncConnection, job_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """Return id, status, model, prompt and request of a few jobs, oldest first."""
    query: Select[Any] = select(jobs.c.id, jobs.c.status, jobs.c.model, jobs.c.prompt, jobs.c.request)
    query = query.where(jobs.c.id.in_(job_ids)).order_by(jobs.c.id)
    rows: Sequence[Row[Any]] = (await connection.execute(query)).all()
    return rows


def _any_of(allowed: Collection[JobFacts]) -> ColumnElement[bool]:
    statuses = defaultdict[tuple[bool, bool, bool], list[str]](list)
    for facts in allowed:
        statuses[facts.leased, facts.part, facts.erased].append(facts.status)
    return or_(
        *(
            and_(LEASED.is_(leased), PART.is_(part), ERASED.is_(erased), jobs.c.status.in_(sorted(names)))
            for (leased, part, erased), names in statuses.items()
        )
    )


async def find_action(connection: AsyncConnection, key: UUID, *, lock: bool = False) -> JobAction | None:
    """Return an action by its id; ``lock`` locks it."""
    query = _ACTIONS.where(actions.c.id == key)
    row = (await connection.execute(query.with_for_update() if lock else query)).first()
    return _action(row) if row else None


async def list_actions(
    connection: AsyncConnection,
    caller_ids: Sequence[UUID] | None,
    *,
    statuses: Sequence[str],
    kinds: Sequence[str],
    before: UUID | None,
    limit: int,
) -> list[JobAction]:
    """Return a page of the actions of callers (``None``: all), newest first.

    Without ``statuses`` or ``kinds`` of any.
    """
    query = _ACTIONS if caller_ids is None else _ACTIONS.where(actions.c.caller_id.in_(caller_ids))
    if statuses:
        query = query.where(actions.c.status.in_(statuses))
    if kinds:
        query = query.where(actions.c.kind.in_(kinds))
    if before is not None:
        query = query.where(actions.c.id < before)
    found = await connection.execute(query.order_by(actions.c.id.desc()).limit(limit))
    return [_action(row) for row in found]


async def next_jobs(connection: AsyncConnection, action: JobAction, *, limit: int) -> list[FrozenJob]:
    """Return the next jobs of an action."""
    query = select(frozen.c.position, frozen.c.job_id, frozen.c.generation).where(
        frozen.c.action_id == action.id, frozen.c.position > action.cursor
    )
    return [
        FrozenJob(*row) for row in await connection.execute(query.order_by(frozen.c.position).limit(limit))
    ]
