"""Midjourney tasks and their parts: insert, find, list, page, count and end them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Column,
    ColumnElement,
    Row,
    Select,
    and_,
    any_,
    bindparam,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from models.midjourney.protocol import ENDED, TaskStatus
from models.queries.callers import lock_submits
from models.states import JobStatus
from models.tables import assets, jobs
from models.tables import midjourney_parts as parts
from models.tables import midjourney_tasks as tasks

_BATCH = 1000  # ids in one query
_LINK_COLUMNS = (assets.c.id, assets.c.token, assets.c.position, assets.c.extension, assets.c.content_type)
_JOB_COLUMNS = (jobs.c.status, jobs.c.progress, jobs.c.started_at, jobs.c.attempts_used, jobs.c.error)

_EQUAL = {"action": tasks.c.action, "state": tasks.c.state}
_PARTIAL = {
    "prompt": tasks.c.prompt,
    "promptEn": tasks.c.prompt,
    "description": tasks.c.description,
    "failReason": tasks.c.fail_reason,
}
TEXT_FILTERS = frozenset(_EQUAL) | frozenset(_PARTIAL)
"""JSON members of a task that a page can be filtered by, besides ids and statuses."""

SORT_COLUMNS = {"id": tasks.c.id, "submitTime": tasks.c.submitted_at, "finishTime": tasks.c.finished_at}
"""Columns that a page can be sorted by, by their JSON members."""


async def insert_task(
    connection: AsyncConnection, values: Mapping[str, Any], job_ids: Sequence[UUID]
) -> bool:
    """Insert a task with its parts, whose jobs exist already. ``False`` if its id is taken."""
    insert_row = insert_postgresql if connection.dialect.name == "postgresql" else insert_sqlite
    statement: Any = insert_row(tasks).values(**values)
    inserted = await connection.execute(statement.on_conflict_do_nothing().returning(tasks.c.id))
    if inserted.first() is None:
        return False
    await _insert_parts(connection, values["id"], job_ids)
    return True


async def continue_task(
    connection: AsyncConnection, task_id: int, changes: Mapping[str, Any], job_ids: Sequence[UUID]
) -> bool:
    """Give a task that waits for a dialog its parts. ``False`` if it does not wait."""
    waiting = tasks.c.modal.is_not(None) & tasks.c.outcome.is_(None)
    result = await connection.execute(
        update(tasks).where(tasks.c.id == task_id, waiting).values(**changes, modal=None)
    )
    if result.rowcount != 1:
        return False
    await _insert_parts(connection, task_id, job_ids)
    return True


async def _insert_parts(connection: AsyncConnection, task_id: int, job_ids: Sequence[UUID]) -> None:
    rows = [
        {"task_id": task_id, "position": position, "job_id": job_id}
        for position, job_id in enumerate(job_ids)
    ]
    if rows:
        await connection.execute(insert(parts), rows)


async def find_task(
    connection: AsyncConnection, task_id: int, *, caller_id: UUID, lock: bool = False
) -> Row[Any] | None:
    """Return a caller's task, or ``None``; with ``lock``, lock its row."""
    query = select(tasks).where(tasks.c.id == task_id, tasks.c.caller_id == caller_id)
    return (await connection.execute(query.with_for_update() if lock else query)).one_or_none()


async def find_task_of_job(connection: AsyncConnection, job_id: UUID) -> Row[Any] | None:
    """Return the task of a job, or ``None``."""
    query = select(tasks).join(parts, parts.c.task_id == tasks.c.id).where(parts.c.job_id == job_id)
    return (await connection.execute(query)).one_or_none()


async def tasks_by_id(
    connection: AsyncConnection, task_ids: Sequence[int], *, caller_id: UUID
) -> Sequence[Row[Any]]:
    """Return tasks by id, without those of other callers."""
    return await _by_id(connection, select(tasks).where(tasks.c.caller_id == caller_id), tasks.c.id, task_ids)


async def newest_tasks(connection: AsyncConnection, caller_id: UUID, *, limit: int) -> Sequence[Row[Any]]:
    """Return a caller's newest tasks, newest first."""
    query = select(tasks).where(tasks.c.caller_id == caller_id).order_by(tasks.c.id.desc()).limit(limit)
    return (await connection.execute(query)).all()


async def open_tasks(connection: AsyncConnection, caller_id: UUID, *, limit: int) -> Sequence[Row[Any]]:
    """Return a caller's waiting and running tasks, oldest first, without those that wait for a dialog."""
    query = (
        select(tasks)
        .where(tasks.c.caller_id == caller_id, tasks.c.outcome.is_(None), tasks.c.modal.is_(None))
        .order_by(tasks.c.id)
        .limit(limit)
    )
    return (await connection.execute(query)).all()


async def instant_tasks(
    connection: AsyncConnection, caller_id: UUID, *, since: int, at: datetime
) -> Sequence[Row[Any]]:
    """Return a caller's tasks that have their result and are still shown in progress, from an id on."""
    query = select(tasks).where(tasks.c.caller_id == caller_id, tasks.c.id >= since, _shown_open(at))
    return (await connection.execute(query.order_by(tasks.c.id))).all()


async def parts_of(connection: AsyncConnection, task_ids: Sequence[int]) -> Sequence[Row[Any]]:
    """Return the parts of these tasks, in order, with the job columns that determine the task's state."""
    query = (
        select(parts.c.task_id, parts.c.position, parts.c.job_id, *_JOB_COLUMNS)
        .join(jobs, jobs.c.id == parts.c.job_id)
        .order_by(parts.c.task_id, parts.c.position)
    )
    return await _by_id(connection, query, parts.c.task_id, task_ids)


async def try_lock_jobs(connection: AsyncConnection, job_ids: Sequence[UUID]) -> bool:
    """Lock jobs without waiting; ``False`` if another transaction has locked one of them."""
    unlocked = select(jobs.c.id).where(jobs.c.id.in_(job_ids)).with_for_update(skip_locked=True)
    return len((await connection.scalars(unlocked)).all()) == len(job_ids)


async def images_of(connection: AsyncConnection, task_ids: Sequence[int]) -> Sequence[Row[Any]]:
    """Return the assets of these tasks' parts, each with its ``task_id``, in the order of parts.

    Those of former generations are left out.
    """
    present = or_(assets.c.generation.is_(None), assets.c.generation == jobs.c.generation)
    query = (
        select(parts.c.task_id, *assets.c)
        .join(jobs, jobs.c.id == parts.c.job_id)
        .join(assets, and_(assets.c.job_id == parts.c.job_id, present))
        .order_by(parts.c.task_id, parts.c.position, assets.c.position)
    )
    return await _by_id(connection, query, parts.c.task_id, task_ids)


async def assets_by_id(connection: AsyncConnection, asset_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """Return assets by id: grids, and the images in them."""
    return await _by_id(connection, select(assets), assets.c.id, asset_ids)


async def assets_for_links(connection: AsyncConnection, asset_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """Return the columns of assets that their URLs consist of: a list of tasks reads thousands of rows."""
    return await _by_id(connection, select(*_LINK_COLUMNS), assets.c.id, asset_ids)


async def _by_id(
    connection: AsyncConnection, query: Select[Any], key: Column[Any], values: Sequence[Any]
) -> list[Row[Any]]:
    """Return the rows with these ids.

    PostgreSQL takes them as one array: hundreds of parameters cost more than the lookup.
    """
    rows: list[Row[Any]] = []
    arrays = connection.dialect.name == "postgresql"
    for start in range(0, len(values), _BATCH):
        batch = values[start : start + _BATCH]
        has_id = key == any_(bindparam("ids", batch, type_=ARRAY(key.type))) if arrays else key.in_(batch)
        rows += (await connection.execute(query.where(has_id))).all()
    return rows


async def count_waiting(
    connection: AsyncConnection, caller_id: UUID, *, most: int, lock: bool = False
) -> int:
    """Count a caller's tasks of which no call has started, up to ``most``.

    With ``lock``, other transactions that count for this caller wait until this one ends.
    """
    if lock:
        await lock_submits(connection, caller_id)
    waiting = _waiting(caller_id).limit(most)
    return await connection.scalar(select(func.count()).select_from(waiting.subquery())) or 0


async def first_waiting(
    connection: AsyncConnection, caller_id: UUID, *, before: int, most: int
) -> Sequence[int]:
    """Return the ids of a caller's oldest tasks of which no call has started, those below ``before``."""
    query = _waiting(caller_id).where(tasks.c.id < before).order_by(tasks.c.id).limit(most)
    return (await connection.scalars(query)).all()


def _waiting(caller_id: UUID) -> Select[Any]:
    open_ = tasks.c.caller_id == caller_id, tasks.c.outcome.is_(None), tasks.c.modal.is_(None)
    return select(tasks.c.id).where(*open_, ~_started_jobs().exists())


async def end_task(connection: AsyncConnection, task_id: int, changes: Mapping[str, Any]) -> bool:
    """Write a task's result. ``False``, without a change, if it has ended before."""
    result = await connection.execute(
        update(tasks)
        .where(tasks.c.id == task_id, tasks.c.outcome.is_(None))
        .values(claimed_until=None, **changes)
    )
    return bool(result.rowcount == 1)


async def task_by_id(connection: AsyncConnection, task_id: int) -> Row[Any] | None:
    """Return a task of any caller."""
    return (await connection.execute(select(tasks).where(tasks.c.id == task_id))).one_or_none()


async def tasks_to_notify(connection: AsyncConnection, *, after: int, limit: int) -> Sequence[Row[Any]]:
    """Return open tasks above an id that have a notifyHook and of which a call has started."""
    query = select(tasks).where(
        tasks.c.outcome.is_(None),
        tasks.c.notify_hook.is_not(None),
        tasks.c.modal.is_(None),
        _started_jobs().exists(),
    )
    query = query.where(tasks.c.id > after).order_by(tasks.c.id).limit(limit)
    return (await connection.execute(query)).all()


async def mark_notified(connection: AsyncConnection, task_id: int, rank: int) -> bool:
    """Record the rank of a task's last message. ``False`` if it is not higher, or the task has ended."""
    result = await connection.execute(
        update(tasks)
        .where(tasks.c.id == task_id, tasks.c.told < rank, tasks.c.outcome.is_(None))
        .values(told=rank)
    )
    return bool(result.rowcount == 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFilter:
    """Filter of a page of tasks; an empty member matches all."""

    texts: dict[str, str] = field(default_factory=dict)  #: by the names of ``TEXT_FILTERS``
    ids: Sequence[int] | None = None
    statuses: Sequence[TaskStatus] = ()  #: as they are shown at the time ``at``
    at: datetime


async def page_of_tasks(
    connection: AsyncConnection,
    caller_id: Any,
    task_filter: TaskFilter,
    *,
    sort: str,
    descending: bool,
    offset: int,
    limit: int,
) -> tuple[Sequence[Row[Any]], int]:
    """Return a page of a caller's tasks, and how many match the filter."""
    conditions = [tasks.c.caller_id == caller_id, *_conditions(task_filter)]
    column = SORT_COLUMNS[sort]
    order = (column.desc(), tasks.c.id.desc()) if descending else (column, tasks.c.id)
    query = select(tasks).where(*conditions).order_by(*order).offset(offset).limit(limit)
    rows: Sequence[Row[Any]] = (await connection.execute(query)).all()
    return rows, await connection.scalar(select(func.count(tasks.c.id)).where(*conditions)) or 0


def _conditions(task_filter: TaskFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    for name, value in task_filter.texts.items():
        if name in _EQUAL:
            conditions.append(_EQUAL[name] == value)
        else:
            conditions.append(_PARTIAL[name].icontains(value, autoescape=True))
    if task_filter.ids is not None:
        conditions.append(tasks.c.id.in_(task_filter.ids))
    if task_filter.statuses:
        conditions.append(or_(*(_has_status(status, task_filter.at) for status in task_filter.statuses)))
    return conditions


def _shown_open(at: datetime) -> ColumnElement[bool]:
    """Return the condition under which a task that has its result is shown in progress."""
    return and_(tasks.c.outcome == TaskStatus.SUCCESS.value, tasks.c.finished_at > at)


def _has_status(status: TaskStatus, at: datetime) -> ColumnElement[bool]:
    """Return the condition under which ``task_state_of`` returns this status."""
    if status is TaskStatus.SUCCESS:
        return and_(tasks.c.outcome == status.value, tasks.c.finished_at <= at)
    if status in ENDED:
        return tasks.c.outcome == status.value
    if status is TaskStatus.MODAL:
        return and_(tasks.c.outcome.is_(None), tasks.c.modal.is_not(None))
    started = _started_jobs()
    advanced = started.where(
        or_(jobs.c.status != JobStatus.RUNNING.value, jobs.c.progress > 0, jobs.c.attempts_used > 1)
    )
    conditions: dict[TaskStatus, ColumnElement[bool]] = {
        TaskStatus.NOT_START: ~started.exists(),
        TaskStatus.SUBMITTED: and_(started.exists(), ~advanced.exists()),
        TaskStatus.IN_PROGRESS: advanced.exists(),
    }
    is_open = and_(tasks.c.outcome.is_(None), tasks.c.modal.is_(None), conditions[status])
    return or_(is_open, _shown_open(at)) if status is TaskStatus.IN_PROGRESS else is_open


def _started_jobs() -> Select[Any]:
    """Return the subquery of a task's jobs that have started."""
    return (
        select(jobs.c.id)
        .join(parts, parts.c.job_id == jobs.c.id)
        .where(parts.c.task_id == tasks.c.id, jobs.c.started_at.is_not(None))
    )
