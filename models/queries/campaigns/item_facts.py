"""Items that a bulk action is about: chosen by a filter or a list, counted by what decides about them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, and_, false, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.campaigns.actions import ItemFacts
from models.campaigns.item_filter import ItemFilter
from models.campaigns.item_state import ItemState
from models.outcomes import Billed
from models.queries.campaigns.items import conditions
from models.tables import attempts, jobs
from models.tables import campaign_items as items

_MAY_BE_PAID = (Billed.YES.value, Billed.UNKNOWN.value)
Refusal = Callable[[ItemFacts], str | None]


@dataclass(frozen=True, slots=True)
class ItemChoice:
    """Items of a campaign: those that match a filter, or those with these ids."""

    campaign_id: UUID
    filter: ItemFilter | None = None
    ids: Sequence[UUID] = ()

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return its SQL, for queries on ``campaign_items``."""
        chosen = conditions(self.filter) if self.filter is not None else [items.c.id.in_(self.ids)]
        return [items.c.campaign_id == self.campaign_id, *chosen]


async def find_named_items(
    connection: AsyncConnection, campaign_id: UUID, ids: Collection[UUID], keys: Collection[str]
) -> Sequence[Row[Any]]:
    """Return id and key of the items with these ids, or of rows with these keys."""
    named = or_(items.c.id.in_(ids), items.c.key.in_(keys))
    query: Select[Any] = select(items.c.id, items.c.key).where(items.c.campaign_id == campaign_id, named)
    found: Sequence[Row[Any]] = (await connection.execute(query.order_by(items.c.position, items.c.id))).all()
    return found


async def count_by_facts(
    connection: AsyncConnection, choice: ItemChoice, *, most_takes: int
) -> Mapping[ItemFacts, int]:
    """Count items by what decides about a further take."""
    facts = _facts(most_takes)
    query = select(*facts, func.count()).where(*choice.conditions()).group_by(*facts)
    found = await connection.execute(query)
    return {ItemFacts(ItemState(row[0]), bool(row[1]), bool(row[2])): row[3] for row in found}


async def list_by_facts(
    connection: AsyncConnection, choice: ItemChoice, *, most_takes: int, limit: int
) -> Sequence[tuple[UUID, ItemFacts]]:
    """Return the first items with what decides about a further take."""
    query = select(items.c.id, *_facts(most_takes)).where(*choice.conditions())
    found = await connection.execute(query.order_by(items.c.position, items.c.id).limit(limit))
    return [(row[0], ItemFacts(ItemState(row[1]), bool(row[2]), bool(row[3]))) for row in found]


def allowed(known: Collection[ItemFacts], refusal: Refusal, *, most_takes: int) -> ColumnElement[bool]:
    """Return the condition of the items that are not refused; ``known``: the facts that there are."""
    state, has_job, at_limit = (label.element for label in _facts(most_takes))
    chosen = [each for each in known if refusal(each) is None]
    if not chosen:
        return false()
    return or_(
        *(
            and_(
                state == each.state.value,
                has_job if each.has_job else ~has_job,
                at_limit if each.at_limit else ~at_limit,
            )
            for each in chosen
        )
    )


async def count_paid(connection: AsyncConnection, chosen: Sequence[ColumnElement[bool]]) -> int:
    """Count the items whose newest take was charged, or may have been."""
    paid = select(attempts.c.job_id).where(
        attempts.c.job_id == items.c.job_id, attempts.c.billed.in_(_MAY_BE_PAID)
    )
    query = select(func.count()).select_from(items).where(*chosen, paid.exists())
    return await connection.scalar(query) or 0


async def sample_takes(
    connection: AsyncConnection, chosen: Sequence[ColumnElement[bool]], *, limit: int
) -> Sequence[Row[Any]]:
    """Return the first items with what their newest takes ask for."""
    query = (
        select(items.c.id, items.c.key, items.c.variant, items.c.position, *TAKE_COLUMNS)
        .select_from(items.join(jobs, jobs.c.id == items.c.job_id))
        .where(*chosen)
        .order_by(items.c.position, items.c.id)
        .limit(limit)
    )
    return (await connection.execute(query)).all()


TAKE_COLUMNS = (
    jobs.c.id.label("take_job_id"),
    *(jobs.c[name] for name in ("model", "prompt", "request", "priority", "max_attempts", "on_unknown")),
    *(jobs.c[name] for name in ("tags", "webhook_url", "retry")),
    jobs.c.metadata.label("job_metadata"),
)
"""Columns of a take from which the next one is made."""


def facts_of(row: Row[Any], *, most_takes: int) -> ItemFacts:
    """Return what decides about a locked item."""
    return ItemFacts(ItemState(row.state), row.job_id is not None, row.takes >= most_takes)


async def lock_items(connection: AsyncConnection, ids: Sequence[UUID]) -> dict[UUID, Row[Any]]:
    """Lock items, always in the same order, and return them."""
    query = select(items).where(items.c.id.in_(ids)).order_by(items.c.id).with_for_update()
    return {row.id: row for row in await connection.execute(query)}


async def takes_by_job(connection: AsyncConnection, job_ids: Sequence[UUID]) -> dict[UUID, Row[Any]]:
    """Return what takes ask for, by job."""
    query = select(*TAKE_COLUMNS).where(jobs.c.id.in_(job_ids))
    return {row.take_job_id: row for row in await connection.execute(query)}


def _facts(most_takes: int) -> Sequence[Any]:
    return (
        items.c.state.label("state"),
        items.c.job_id.is_not(None).label("has_job"),
        (items.c.takes >= most_takes).label("at_limit"),
    )
