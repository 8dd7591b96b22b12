"""Lanes: the queued jobs of one model, one caller and one priority. The dispatcher picks from their heads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    Column,
    ColumnElement,
    Integer,
    Select,
    bindparam,
    literal_column,
    select,
    true,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from models.queries.rows import rows_parameter, rows_source
from models.tables import jobs

_QUEUED: ColumnElement[str] = literal_column(
    "'queued'"
)  # literal: a parameter would hide the partial index from the planner
_ORDER = ("model", "caller_id", "priority", "not_before", "id")


@dataclass(frozen=True, slots=True)
class Lane:
    """One lane and when its first job is due."""

    model: str
    caller_id: UUID
    priority: int
    due_at: datetime


async def list_lanes(connection: AsyncConnection) -> list[Lane]:
    """Return every lane that has queued jobs, by jumping from lane to lane along the index."""
    result = await connection.execute(_lanes())
    return [Lane(*row) for row in result]


async def pick_due(
    connection: AsyncConnection, shares: Sequence[tuple[Lane, int]], at: datetime
) -> Mapping[tuple[str, UUID, int], list[UUID]]:
    """Take up to so many due jobs from the head of each lane, in order, skipping what others hold."""
    if connection.dialect.name == "postgresql":
        rows = [
            {"model": lane.model, "caller_id": lane.caller_id, "priority": lane.priority, "wanted": count}
            for lane, count in shares
        ]
        result = await connection.execute(_pick_many(), {**rows_parameter(connection, rows), "at": at})
        picked: dict[tuple[str, UUID, int], list[UUID]] = {}
        for model, caller_id, priority, job_id in result:
            picked.setdefault((model, caller_id, priority), []).append(job_id)
        return picked
    return {
        (lane.model, lane.caller_id, lane.priority): list(
            await connection.scalars(
                _pick_one(),
                {
                    "model": lane.model,
                    "caller": lane.caller_id,
                    "priority": lane.priority,
                    "at": at,
                    "wanted": count,
                },
            )
        )
        for lane, count in shares
    }


@lru_cache(maxsize=1)
def _lanes() -> Select[Any]:
    """Build a loose index scan (PostgreSQL wiki): each step looks up the first job behind the last lane."""
    first = jobs.alias("first")
    head = select(first.c.id).where(first.c.status == _QUEUED).order_by(*_columns(first)).limit(1)
    lane: CTE = select(head.scalar_subquery().label("id")).cte("lane", recursive=True)
    last, following = jobs.alias("last"), jobs.alias("following")
    step = (
        select(following.c.id)
        .where(following.c.status == _QUEUED)
        .where(
            tuple_(following.c.model, following.c.caller_id, following.c.priority)
            > tuple_(last.c.model, last.c.caller_id, last.c.priority)
        )
        .order_by(*_columns(following))
        .limit(1)
        .correlate(last)
    )
    lane = lane.union_all(select(step.scalar_subquery()).select_from(lane.join(last, last.c.id == lane.c.id)))
    return select(jobs.c.model, jobs.c.caller_id, jobs.c.priority, jobs.c.not_before).select_from(
        lane.join(jobs, jobs.c.id == lane.c.id)
    )


def _columns(table: Any) -> list[ColumnElement[Any]]:
    return [table.c[name] for name in _ORDER]


@lru_cache(maxsize=1)
def _pick_many() -> Select[Any]:
    given = rows_source("postgresql", [*(jobs.c[name] for name in _ORDER[:3]), Column("wanted", Integer)])
    heads = (
        select(jobs.c.id, jobs.c.not_before)
        .where(jobs.c.status == _QUEUED, jobs.c.model == given.c.model, jobs.c.caller_id == given.c.caller_id)
        .where(
            jobs.c.priority == given.c.priority,
            jobs.c.not_before <= bindparam("at", type_=jobs.c.not_before.type),
        )
        .order_by(jobs.c.not_before, jobs.c.id)
        .limit(given.c.wanted)
        .with_for_update(skip_locked=True)
        .lateral("head")
    )
    return (
        select(given.c.model, given.c.caller_id, given.c.priority, heads.c.id)
        .select_from(given.join(heads, true()))
        .order_by(heads.c.not_before, heads.c.id)
    )


@lru_cache(maxsize=1)
def _pick_one() -> Select[Any]:
    return (
        select(jobs.c.id)
        .where(
            jobs.c.status == _QUEUED,
            jobs.c.model == bindparam("model"),
            jobs.c.caller_id == bindparam("caller"),
        )
        .where(jobs.c.priority == bindparam("priority"), jobs.c.not_before <= bindparam("at"))
        .order_by(jobs.c.not_before, jobs.c.id)
        .limit(bindparam("wanted"))
        .with_hint(jobs, "INDEXED BY ix_jobs_due", "sqlite")
    )
