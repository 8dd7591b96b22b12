"""Items of campaigns: insert with their first takes, list by a filter, and what the controller reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    ColumnElement,
    CompoundSelect,
    Insert,
    Row,
    Select,
    Update,
    case,
    func,
    or_,
    select,
    tuple_,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from models.campaigns.item_filter import UNJUDGED, ItemFilter
from models.campaigns.item_state import OPEN, ItemState
from models.checks.findings import COLUMNS, Check
from models.ids import parse_id
from models.queries.bulk import row_of, rows_parameter, rows_source
from models.tables import action_items, assets, jobs, verdicts
from models.tables import campaign_items as items


@dataclass(frozen=True, slots=True)
class NewItem:
    """An item to insert. ``job_id``: its first take; without one it has failed with ``error``."""

    id: UUID
    campaign_id: UUID
    key: str
    variant: str
    position: int
    row_version: int
    canary: bool
    job_id: UUID | None
    takes: int
    state: str = ItemState.WAITING.value
    error: str | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewTake:
    """A further take of an item: its number, and its job."""

    id: UUID  #: of the item
    takes: int
    job_id: UUID


async def insert_items(connection: AsyncConnection, new_items: Sequence[NewItem]) -> set[UUID]:
    """Insert items, and return the ids of those that are new: their key and variant did not exist."""
    if not new_items:
        return set()
    rows = rows_parameter(connection, map(row_of, new_items))
    return set((await connection.scalars(_insert(connection.dialect.name), rows)).all())


async def find_items(
    connection: AsyncConnection, campaign_id: UUID, names: Sequence[tuple[str, str]], *, lock: bool = False
) -> dict[tuple[str, str], Row[Any]]:
    """Return items by key and variant; ``lock`` locks them for this transaction."""
    if not names:
        return {}
    query = select(items).where(
        items.c.campaign_id == campaign_id, tuple_(items.c.key, items.c.variant).in_(names)
    )
    found = await connection.execute(query.with_for_update() if lock else query)
    return {(row.key, row.variant): row for row in found}


async def replace_take(
    connection: AsyncConnection,
    item_id: UUID,
    *,
    job_id: UUID | None,
    take: int,
    row_version: int,
    error: str | None = None,
    at: datetime,
) -> None:
    """Make a job the newest take of an item; the verdict was about the one before.

    Without a job the item has failed with ``error``.
    """
    changes: dict[str, Any] = {"takes": take, "row_version": row_version, "verdict": None, "job_id": job_id}
    if job_id is None:
        changes |= {"state": ItemState.FAILED.value, "error": error, "ended_at": at}
    await connection.execute(update(items).where(items.c.id == item_id).values(**changes))


async def add_takes(connection: AsyncConnection, takes: Sequence[NewTake]) -> None:
    """Make jobs, which were inserted before, the newest takes of items; verdicts were about those before."""
    if takes:
        await connection.execute(
            _add_takes(connection.dialect.name), rows_parameter(connection, map(row_of, takes))
        )


async def list_items(
    connection: AsyncConnection,
    campaign_id: UUID,
    wanted: ItemFilter,
    *,
    after: tuple[int, UUID] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Return a page of items in the order of their rows and variants, with the model of their newest take."""
    query = _list(campaign_id, wanted, limit).order_by(items.c.position, items.c.id)
    if after is not None:
        query = query.where(tuple_(items.c.position, items.c.id) > tuple_(*after))
    found: Sequence[Row[Any]] = (await connection.execute(query)).all()
    return found


async def list_ended(
    connection: AsyncConnection,
    campaign_id: UUID,
    wanted: ItemFilter,
    *,
    ended_after: datetime,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Return a page of the items that ended after a time, in the order of their ends."""
    query = _list(campaign_id, wanted, limit).order_by(items.c.ended_at, items.c.id)
    query = query.where(items.c.ended_at > ended_after)
    if after is not None:
        at, item_id = after
        query = query.where(items.c.ended_at >= at, or_(items.c.ended_at > at, items.c.id > item_id))
    found: Sequence[Row[Any]] = (await connection.execute(query)).all()
    return found


async def newest_pictures(
    connection: AsyncConnection, campaign_ids: Sequence[UUID], *, limit: int
) -> Sequence[Row[Any]]:
    """Return the first pictures of the items that ended last, but of rejected ones, of each campaign.

    Columns are those of ``assets``, and ``campaign_id``, ``item_id``, ``item_key`` and ``item_state``.
    """
    if not campaign_ids:
        return []
    shown = [ItemState.MADE.value, ItemState.APPROVED.value]
    queries = []
    for number, campaign_id in enumerate(campaign_ids):
        query: Select[Any] = (
            select(
                assets,
                items.c.campaign_id,
                items.c.id.label("item_id"),
                items.c.key.label("item_key"),
                items.c.state.label("item_state"),
                items.c.ended_at,
            )
            .select_from(
                items.join(jobs, jobs.c.id == items.c.job_id).join(assets, assets.c.job_id == jobs.c.id)
            )
            .where(
                items.c.campaign_id == campaign_id,
                items.c.state.in_(shown),
                items.c.ended_at.is_not(None),
                assets.c.position == 0,
                or_(assets.c.generation.is_(None), assets.c.generation == jobs.c.generation),
            )
            .order_by(items.c.ended_at.desc(), items.c.id.desc())
            .limit(limit)
        )
        queries.append(select(query.subquery(f"newest_{number}")))
    found = queries[0] if len(queries) == 1 else union_all(*queries)
    rows: Sequence[Row[Any]] = (await connection.execute(found)).all()
    return rows


def _list(campaign_id: UUID, wanted: ItemFilter, limit: int) -> Select[Any]:
    return (
        select(items, jobs.c.model)
        .select_from(items.outerjoin(jobs, jobs.c.id == items.c.job_id))
        .where(items.c.campaign_id == campaign_id, *conditions(wanted))
        .limit(limit)
    )


def conditions(wanted: ItemFilter) -> list[ColumnElement[bool]]:
    """Return the SQL of a filter, for queries on ``campaign_items``."""
    found: list[ColumnElement[bool]] = []
    if wanted.states:
        found.append(items.c.state.in_([state.value for state in wanted.states]))
    if wanted.verdicts:
        chosen_verdicts = [each for each in wanted.verdicts if each != UNJUDGED]
        choices = [items.c.verdict.in_(chosen_verdicts)] if chosen_verdicts else []
        if UNJUDGED in wanted.verdicts:
            choices.append(items.c.verdict.is_(None))
        found.append(or_(*choices))
    if wanted.keys:
        exact = [each for each in wanted.keys if not each.endswith("*")]
        beginnings = [each[:-1] for each in wanted.keys if each.endswith("*")]
        found.append(
            or_(
                *([items.c.key.in_(exact)] if exact else []),
                *(items.c.key.startswith(each, autoescape=True) for each in beginnings),
            )
        )
    if wanted.variants:
        found.append(items.c.variant.in_(wanted.variants))
    if wanted.errors:
        found.append(items.c.error.in_(wanted.errors))
    if wanted.checks:
        found.append(items.c.job_id.in_(_with_findings(wanted.checks)))
    if wanted.models:
        found.append(items.c.job_id.in_(select(jobs.c.id).where(jobs.c.model.in_(wanted.models))))
    if wanted.actions:
        found.append(items.c.id.in_(_of_actions([parse_id("action", each) for each in wanted.actions])))
    return found


def _of_actions(keys: Sequence[UUID]) -> CompoundSelect[Any]:
    """Return the items that got a take or a verdict by these actions, or that wait for it."""
    taken = select(action_items.c.item_id).where(action_items.c.action_id.in_(keys))
    return union_all(taken, select(verdicts.c.item_id).where(verdicts.c.action_id.in_(keys)))


def _with_findings(checks: Sequence[Check]) -> Select[Any]:
    """Return the jobs with a picture of their present generation in which one of these was found."""
    columns = [assets.c[COLUMNS[check]] for check in checks]
    found = [each if isinstance(each.type, Boolean) else each.is_not(None) for each in columns]
    present = or_(assets.c.generation.is_(None), assets.c.generation == jobs.c.generation)
    query = select(assets.c.job_id).select_from(assets.join(jobs, jobs.c.id == assets.c.job_id))
    return query.where(or_(*found), present)


async def items_of_key(connection: AsyncConnection, campaign_id: UUID, key: str) -> Sequence[Row[Any]]:
    """Return the items of a row, by variant."""
    query = select(items).where(items.c.campaign_id == campaign_id, items.c.key == key)
    return (await connection.execute(query.order_by(items.c.position).limit(1_000))).all()


async def takes_of(connection: AsyncConnection, item_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """Return the jobs that are takes of items, in order."""
    query = select(jobs).where(jobs.c.item_id.in_(item_ids)).order_by(jobs.c.item_id, jobs.c.take)
    return (await connection.execute(query)).all()


async def any_open(connection: AsyncConnection, campaign_id: UUID, *, canary: bool = False) -> bool:
    """Return whether an item has not ended; with ``canary``, one of the canary."""
    query = select(items.c.id).where(
        items.c.campaign_id == campaign_id, items.c.state.in_([state.value for state in sorted(OPEN)])
    )
    if canary:
        query = query.where(items.c.canary)
    return await connection.scalar(query.limit(1)) is not None


async def count_canary(connection: AsyncConnection, campaign_id: UUID) -> int:
    """Count the items of the canary."""
    query = select(func.count()).select_from(items).where(items.c.campaign_id == campaign_id, items.c.canary)
    return await connection.scalar(query) or 0


async def count_canary_made(connection: AsyncConnection, campaign_id: UUID) -> int:
    """Count the items of the canary that have a picture."""
    with_picture = [ItemState.MADE.value, ItemState.APPROVED.value, ItemState.REJECTED.value]
    query = select(func.count()).select_from(items).where(items.c.campaign_id == campaign_id, items.c.canary)
    return await connection.scalar(query.where(items.c.state.in_(with_picture))) or 0


async def count_last_errors(
    connection: AsyncConnection, campaign_id: UUID, *, since: datetime | None, limit: int
) -> dict[str, int]:
    """Count the items that ended last by error code; ``""``: those that did not fail.

    Items that were cancelled do not count, nor those that expired: no call failed.
    """
    query = select(case((items.c.state == ItemState.FAILED.value, items.c.error), else_="").label("code"))
    query = query.where(items.c.campaign_id == campaign_id, items.c.ended_at.is_not(None))
    query = query.where(items.c.state != ItemState.SKIPPED.value)
    query = query.where(func.coalesce(items.c.error, "") != "expired")
    if since is not None:
        query = query.where(items.c.ended_at > since)
    last = query.order_by(items.c.ended_at.desc()).limit(limit).subquery()
    counted = select(func.coalesce(last.c.code, ""), func.count()).group_by(last.c.code)
    return {row[0]: row[1] for row in await connection.execute(counted)}


@lru_cache(maxsize=2)
def _insert(dialect: str) -> Insert:
    names = list(NewItem.__dataclass_fields__)
    given = rows_source(dialect, [items.c[name] for name in names])
    chosen: Select[Any] = select(*(given.c[name] for name in names))
    if dialect == "postgresql":
        statement: Any = insert_postgresql(items).from_select(names, chosen)
    else:  # without a condition SQLite reads ON as part of a join
        statement = insert_sqlite(items).from_select(names, chosen.where(given.c.id.is_not(None)))
    return statement.on_conflict_do_nothing().returning(items.c.id)  # type: ignore[no-any-return]


@lru_cache(maxsize=2)
def _add_takes(dialect: str) -> Update:
    given = rows_source(dialect, [items.c[name] for name in NewTake.__dataclass_fields__])
    changes = {"takes": given.c.takes, "job_id": given.c.job_id, "verdict": None}
    return update(items).where(items.c.id == given.c.id).values(**changes)
