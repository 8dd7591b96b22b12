"""Items that a request means: a list of ids and keys, or a filter; and what an action would do with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row
from sqlalchemy.ext.asyncio import AsyncConnection

from api.web.problems import Problem, invalid_field, not_found
from models.campaigns.actions import SKIPPED
from models.campaigns.item_filter import ItemFilter
from models.errors import NotFound
from models.ids import parse_id, public_id
from models.queries.campaigns.campaigns import Campaign
from models.queries.campaigns.item_facts import (
    ItemChoice,
    Refusal,
    allowed,
    count_by_facts,
    find_named_items,
    list_by_facts,
)
from models.queries.campaigns.items import items_of_key
from models.queries.selection.skipped import Skipped
from models.queries.short_ids import whole_id

ITEMS_PER_REQUEST = 1_000  #: ids and keys that one request may list
_MOST_VARIANTS = 10_000  # items that they may be together: a key stands for all variants of its row
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
_KIND = "item_"  # a short id without its kind is taken for a key
_SHORT_IDS = 100  # in one request; further ones are taken for keys
_LOOKED_AT = 2_000  # items among which samples are found


@dataclass(frozen=True, slots=True)
class GivenItems:
    """What a request says: exactly one of ids or keys, and a filter."""

    names: Sequence[str] | None
    filter: ItemFilter | None


@dataclass(frozen=True, slots=True)
class Preview:
    """Items that an action would change, and those that it would leave."""

    choice: ItemChoice
    matched: int
    eligible: int
    skipped: Skipped
    conditions: Sequence[ColumnElement[bool]] = field(default_factory=list)  #: of the eligible ones


async def choose(connection: AsyncConnection, campaign: Campaign, given: GivenItems) -> ItemChoice:
    """Return the items that a request means. Raises the 404 problem if one is not in the campaign."""
    if given.names is None:
        return ItemChoice(campaign.id, filter=given.filter or ItemFilter())
    ids, keys = dict[UUID, str](), set[str]()
    for name in given.names:
        try:
            ids[parse_id("item", name)] = name
        except NotFound:
            keys.add(name)
    for key in sorted(key for key in keys if key.startswith(_KIND))[:_SHORT_IDS]:
        if await items_of_key(connection, campaign.id, key):
            continue
        whole = await whole_id(connection, "item", key, caller_id=campaign.caller_id, field="items")
        if whole != key:
            keys.discard(key)
            ids[parse_id("item", whole)] = key
    found = await find_named_items(connection, campaign.id, list(ids), sorted(keys))
    missing = keys - {row.key for row in found}
    missing |= {name for key, name in ids.items() if key not in {row.id for row in found}}
    if missing:
        raise not_found(f"The campaign has no item {min(missing)[:128]!r}; nothing was changed.")
    if len(found) > _MOST_VARIANTS:
        raise invalid_field(
            "items", f"these are {len(found):,} items with all variants; {_MOST_VARIANTS:,} at most"
        )
    return ItemChoice(campaign.id, ids=[row.id for row in found])


async def preview(
    connection: AsyncConnection, choice: ItemChoice, refusal: Refusal, *, most_takes: int
) -> Preview:
    """Return what an action would change and leave."""
    skipped, counts = Skipped(SKIPPED), await count_by_facts(connection, choice, most_takes=most_takes)
    eligible = 0
    for facts, count in counts.items():
        if reason := refusal(facts):
            skipped.counts[reason] += count
        else:
            eligible += count
    if skipped.counts:
        for item_id, facts in await list_by_facts(
            connection, choice, most_takes=most_takes, limit=_LOOKED_AT
        ):
            if reason := refusal(facts):
                skipped.sample(reason, public_id("item", item_id))
    conditions = [*choice.conditions(), allowed(counts, refusal, most_takes=most_takes)]
    return Preview(choice, sum(counts.values()), eligible, skipped, conditions)


def check_expected(expected: int | None, eligible: int) -> None:
    """Raise the 409 problem with both numbers if others were expected."""
    if expected is not None and expected != eligible:
        detail = f"expected_count is {expected:,}, but {eligible:,} items would change; nothing was changed."
        raise Problem(409, "count_differs", detail, more={"expected_count": expected, "eligible": eligible})


def filter_json(choice: ItemChoice) -> Mapping[str, Any] | None:
    """Return the filter of a choice as JSON; ``None``: items were listed."""
    return choice.filter.to_json() if choice.filter is not None else None


def write_cursor(row: Row[Any], *, by_end: bool = False) -> str:
    """Return the cursor of the page after an item, in the order of rows or of ends."""
    place = (row.ended_at - EPOCH) // MICROSECOND if by_end else row.position
    return f"{place}_{public_id('item', row.id)}"


def read_cursor(text: str | None) -> tuple[int, UUID] | None:
    """Return place and item of a cursor. Raises the 422 problem."""
    if text is None:
        return None
    place, _, key = text.partition("_")
    try:
        if place.isascii() and place.isdigit() and len(place) < 17:
            return int(place), parse_id("item", key)
    except NotFound:
        pass
    raise invalid_field("before", "must be `next` of the page before")
