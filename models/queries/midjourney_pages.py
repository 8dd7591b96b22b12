"""A caller's tasks page by page, filtered by what clients may name."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.midjourney.protocol import ENDED, TaskStatus
from models.midjourney_tables import midjourney_parts as parts
from models.midjourney_tables import midjourney_tasks as tasks
from models.states import JobStatus
from models.tables import jobs

_EQUAL = {"action": tasks.c.action, "state": tasks.c.state}
_PARTIAL = {
    "prompt": tasks.c.prompt,
    "promptEn": tasks.c.prompt,
    "description": tasks.c.description,
    "failReason": tasks.c.fail_reason,
}
FILTERS = frozenset(_EQUAL) | frozenset(_PARTIAL)
"""What may be filtered by in words, besides ids and statuses."""

SORTS = {"id": tasks.c.id, "submitTime": tasks.c.submitted_at, "finishTime": tasks.c.finished_at}


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFilter:
    """Which tasks are wanted; empty means any."""

    words: dict[str, str] = field(default_factory=dict)  #: by the names of ``FILTERS``
    ids: Sequence[int] | None = None
    statuses: Sequence[TaskStatus] = ()


async def page_of_tasks(
    connection: AsyncConnection,
    caller_id: Any,
    wanted: TaskFilter,
    *,
    sort: str,
    descending: bool,
    offset: int,
    limit: int,
) -> tuple[Sequence[Row[Any]], int]:
    """Return a page of a caller's tasks, and how many fit the filter."""
    conditions = [tasks.c.caller_id == caller_id, *_conditions(wanted)]
    column = SORTS[sort]
    order = (column.desc(), tasks.c.id.desc()) if descending else (column, tasks.c.id)
    query = select(tasks).where(*conditions).order_by(*order).offset(offset).limit(limit)
    rows: Sequence[Row[Any]] = (await connection.execute(query)).all()
    return rows, await connection.scalar(select(func.count(tasks.c.id)).where(*conditions)) or 0


def _conditions(wanted: TaskFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    for name, value in wanted.words.items():
        if name in _EQUAL:
            conditions.append(_EQUAL[name] == value)
        else:
            conditions.append(_PARTIAL[name].icontains(value, autoescape=True))
    if wanted.ids is not None:
        conditions.append(tasks.c.id.in_(wanted.ids))
    if wanted.statuses:
        conditions.append(or_(*(_stands(status) for status in wanted.statuses)))
    return conditions


def _stands(status: TaskStatus) -> ColumnElement[bool]:
    """Return the condition under which ``standing_of`` gives this status."""
    if status in ENDED:
        return tasks.c.outcome == status.value
    if status is TaskStatus.MODAL:
        return and_(tasks.c.outcome.is_(None), tasks.c.modal.is_not(None))
    started = (
        select(jobs.c.id)
        .join(parts, parts.c.job_id == jobs.c.id)
        .where(parts.c.task_id == tasks.c.id, jobs.c.started_at.is_not(None))
    )
    advanced = started.where(
        or_(jobs.c.status != JobStatus.RUNNING.value, jobs.c.progress > 0, jobs.c.attempts_used > 1)
    )
    which: dict[TaskStatus, ColumnElement[bool]] = {
        TaskStatus.NOT_START: ~started.exists(),
        TaskStatus.SUBMITTED: and_(started.exists(), ~advanced.exists()),
        TaskStatus.IN_PROGRESS: advanced.exists(),
    }
    return and_(tasks.c.outcome.is_(None), tasks.c.modal.is_(None), which[status])
