"""Midjourney tasks and their parts, as callers hand them in and look at them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from models.midjourney.protocol import ENDED, TaskStatus
from models.states import JobStatus
from models.tables import assets, callers, jobs
from models.tables import midjourney_parts as parts
from models.tables import midjourney_tasks as tasks

_BATCH = 1000  # ids in one query
_SHOWN = (assets.c.id, assets.c.token, assets.c.position, assets.c.extension, assets.c.content_type)
_PART = (jobs.c.status, jobs.c.progress, jobs.c.started_at, jobs.c.attempts_used, jobs.c.error)


async def insert_task(
    connection: AsyncConnection, values: Mapping[str, Any], job_ids: Sequence[UUID]
) -> bool:
    """Write a task with its parts, whose jobs are there already. ``False`` if its number is taken."""
    make = insert_postgresql if connection.dialect.name == "postgresql" else insert_sqlite
    row = {name: null() if name == "modal" and value is None else value for name, value in values.items()}
    statement: Any = make(tasks).values(**row)
    born = await connection.execute(statement.on_conflict_do_nothing().returning(tasks.c.id))
    if born.first() is None:
        return False
    await _insert_parts(connection, values["id"], job_ids)
    return True


async def continue_task(
    connection: AsyncConnection, task_id: int, changes: Mapping[str, Any], job_ids: Sequence[UUID]
) -> bool:
    """Let a task that waits for a dialog go on with these parts. ``False`` if it does not wait."""
    waits = tasks.c.modal.is_not(None) & tasks.c.outcome.is_(None)
    result = await connection.execute(
        update(tasks).where(tasks.c.id == task_id, waits).values(**changes, modal=null())
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
    """Return a caller's task, or ``None``; with ``lock``, take it for this transaction."""
    query = select(tasks).where(tasks.c.id == task_id, tasks.c.caller_id == caller_id)
    return (await connection.execute(query.with_for_update() if lock else query)).one_or_none()


async def find_task_of_job(connection: AsyncConnection, job_id: UUID) -> Row[Any] | None:
    """Return the task whose part a job is, or ``None``."""
    query = select(tasks).join(parts, parts.c.task_id == tasks.c.id).where(parts.c.job_id == job_id)
    return (await connection.execute(query)).one_or_none()


async def tasks_by_id(
    connection: AsyncConnection, task_ids: Sequence[int], *, caller_id: UUID
) -> Sequence[Row[Any]]:
    """Return those of the tasks that are the caller's."""
    return await _by_id(connection, select(tasks).where(tasks.c.caller_id == caller_id), tasks.c.id, task_ids)


async def newest_tasks(connection: AsyncConnection, caller_id: UUID, *, limit: int) -> Sequence[Row[Any]]:
    """Return a caller's newest tasks, newest first."""
    query = select(tasks).where(tasks.c.caller_id == caller_id).order_by(tasks.c.id.desc()).limit(limit)
    return (await connection.execute(query)).all()


async def tasks_under_way(connection: AsyncConnection, caller_id: UUID, *, limit: int) -> Sequence[Row[Any]]:
    """Return a caller's tasks that wait or run, oldest first; not those that wait for a dialog."""
    query = (
        select(tasks)
        .where(tasks.c.caller_id == caller_id, tasks.c.outcome.is_(None), tasks.c.modal.is_(None))
        .order_by(tasks.c.id)
        .limit(limit)
    )
    return (await connection.execute(query)).all()


async def parts_of(connection: AsyncConnection, task_ids: Sequence[int]) -> Sequence[Row[Any]]:
    """Return the parts of these tasks, in order, with what of their jobs tells how far they are."""
    query = (
        select(parts.c.task_id, parts.c.position, parts.c.job_id, *_PART)
        .join(jobs, jobs.c.id == parts.c.job_id)
        .order_by(parts.c.task_id, parts.c.position)
    )
    return await _by_id(connection, query, parts.c.task_id, task_ids)


async def lock_free(connection: AsyncConnection, job_ids: Sequence[UUID]) -> bool:
    """Take jobs for this transaction; ``False`` if others have one of them: nobody is waited for."""
    free = select(jobs.c.id).where(jobs.c.id.in_(job_ids)).with_for_update(skip_locked=True)
    return len((await connection.scalars(free)).all()) == len(job_ids)


async def pictures_of(connection: AsyncConnection, task_ids: Sequence[int]) -> Sequence[Row[Any]]:
    """Return the pictures of these tasks' parts with ``task_id``, in the order in which they are numbered."""
    query = (
        select(parts.c.task_id, *assets.c)
        .join(assets, assets.c.job_id == parts.c.job_id)
        .order_by(parts.c.task_id, parts.c.position, assets.c.position)
    )
    return await _by_id(connection, query, parts.c.task_id, task_ids)


async def assets_by_id(connection: AsyncConnection, asset_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """Return assets by id: grids, and the pictures in them."""
    return await _by_id(connection, select(assets), assets.c.id, asset_ids)


async def shown_assets(connection: AsyncConnection, asset_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """Return of assets what their addresses are made of: five for each grid, so that little adds up."""
    return await _by_id(connection, select(*_SHOWN), assets.c.id, asset_ids)


async def _by_id(
    connection: AsyncConnection, query: Select[Any], key: Column[Any], values: Sequence[Any]
) -> list[Row[Any]]:
    """Return the rows with these ids.

    PostgreSQL takes them as one array: hundreds of parameters cost more than finding the rows.
    """
    found: list[Row[Any]] = []
    for at in range(0, len(values), _BATCH):
        some = values[at : at + _BATCH]
        arrays = connection.dialect.name == "postgresql"
        among = key == any_(bindparam("ids", some, type_=ARRAY(key.type))) if arrays else key.in_(some)
        found += (await connection.execute(query.where(among))).all()
    return found


async def count_waiting(
    connection: AsyncConnection, caller_id: UUID, *, most: int, before: int | None = None, lock: bool = False
) -> int:
    """Count a caller's tasks of which no call has started, up to ``most``; with ``before``, only older ones.

    With ``lock``, others who count for this caller wait until this transaction ends.
    """
    if lock:
        await connection.execute(
            select(callers.c.id).where(callers.c.id == caller_id).with_for_update(key_share=True)
        )
    begun = (
        select(jobs.c.id)
        .join(parts, parts.c.job_id == jobs.c.id)
        .where(parts.c.task_id == tasks.c.id, jobs.c.started_at.is_not(None))
    )
    waiting = (
        select(tasks.c.id)
        .where(tasks.c.caller_id == caller_id, tasks.c.outcome.is_(None), tasks.c.modal.is_(None))
        .where(~begun.exists())
        .limit(most)
    )
    if before is not None:
        waiting = waiting.where(tasks.c.id < before)
    return await connection.scalar(select(func.count()).select_from(waiting.subquery())) or 0


async def end_task(connection: AsyncConnection, task_id: int, changes: Mapping[str, Any]) -> bool:
    """Note how a task has ended. ``False`` if it had ended before; nothing changes then."""
    result = await connection.execute(
        update(tasks)
        .where(tasks.c.id == task_id, tasks.c.outcome.is_(None))
        .values(claimed_until=None, **changes)
    )
    return bool(result.rowcount == 1)


async def task_by_id(connection: AsyncConnection, task_id: int) -> Row[Any] | None:
    """Return a task, whosever it is."""
    return (await connection.execute(select(tasks).where(tasks.c.id == task_id))).one_or_none()


async def tasks_to_notify(connection: AsyncConnection, *, after: int, limit: int) -> Sequence[Row[Any]]:
    """Return tasks under way, above a number, with a webhook of their own and of which a call has started."""
    started = (
        select(jobs.c.id)
        .join(parts, parts.c.job_id == jobs.c.id)
        .where(parts.c.task_id == tasks.c.id, jobs.c.started_at.is_not(None))
    )
    query = select(tasks).where(
        tasks.c.outcome.is_(None), tasks.c.notify_hook.is_not(None), tasks.c.modal.is_(None), started.exists()
    )
    query = query.where(tasks.c.id > after).order_by(tasks.c.id).limit(limit)
    return (await connection.execute(query)).all()


async def mark_notified(connection: AsyncConnection, task_id: int, rank: int) -> bool:
    """Note how far a task's webhook was told of. ``False`` if it knows as much, or the task has ended."""
    result = await connection.execute(
        update(tasks)
        .where(tasks.c.id == task_id, tasks.c.told < rank, tasks.c.outcome.is_(None))
        .values(told=rank)
    )
    return bool(result.rowcount == 1)


# A caller's tasks page by page, filtered by what clients may name.

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
