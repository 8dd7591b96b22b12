"""Items of bulk actions: counted and chosen by what decides about them, also where text is collated."""

from models.campaigns.actions import ItemFacts, RetryMode
from models.campaigns.item_filter import ItemFilter
from models.campaigns.item_state import ItemState
from models.campaigns.repair import Retry
from models.database import Database
from models.ids import new_id
from models.queries.campaigns.actions import freeze_items, insert_action, next_items
from models.queries.campaigns.item_facts import (
    ItemChoice,
    allowed,
    count_by_facts,
    count_paid,
    find_named_items,
    list_by_facts,
    sample_takes,
)
from models.queries.campaigns.items import insert_items
from tests.models.queries.campaigns.planned import AT, action_values, item, make_campaign


async def test_the_items_that_are_not_refused_are_frozen_in_their_order(database: Database) -> None:
    campaign = await make_campaign(database)
    states = ["failed", "made", "waiting", "failed", "skipped"]
    made = [
        item(campaign.id, f"k{number}", position=9 - number, state=state, takes=1, job_id=new_id())
        for number, state in enumerate(states)
    ]
    choice, refusal = ItemChoice(campaign.id, ItemFilter()), Retry(RetryMode.MISSING_AND_FAILED).refusal
    async with database.writing() as connection:
        await insert_items(connection, [*made, item(campaign.id, "row", state="failed")])
        facts = await count_by_facts(connection, choice, most_takes=3)
        assert facts[ItemFacts(ItemState.FAILED, True, False)] == 2
        assert facts[ItemFacts(ItemState.FAILED, False, False)] == 1
        chosen = [*choice.conditions(), allowed(facts, refusal, most_takes=3)]
        action = await insert_action(connection, new_id(), at=AT, values=action_values(campaign))
        assert await freeze_items(connection, action.id, chosen) == 3
        frozen = await next_items(connection, action, limit=10)
        assert [(each.position, each.item_id, each.take) for each in frozen] == [
            (1, made[4].id, 2),
            (2, made[3].id, 2),
            (3, made[0].id, 2),
        ]
        assert await count_paid(connection, chosen) == 0
        assert await sample_takes(connection, chosen, limit=5) == []  # their jobs were deleted


async def test_the_takes_of_an_item_are_limited(database: Database) -> None:
    campaign = await make_campaign(database)
    choice = ItemChoice(campaign.id, ItemFilter())
    async with database.writing() as connection:
        await insert_items(
            connection, [item(campaign.id, f"k{n}", state="failed", takes=n, job_id=new_id()) for n in (2, 3)]
        )
        facts = await count_by_facts(connection, choice, most_takes=3)
        assert facts == {
            ItemFacts(ItemState.FAILED, True, False): 1,
            ItemFacts(ItemState.FAILED, True, True): 1,
        }
        listed = await list_by_facts(connection, choice, most_takes=3, limit=9)
        assert {each.at_limit for _, each in listed} == {True, False}


async def test_named_items_are_those_of_the_campaign(database: Database) -> None:
    mine, other = await make_campaign(database), await make_campaign(database)
    first, second = item(mine.id, "a", variant="x=1"), item(mine.id, "a", variant="x=2", position=1)
    foreign = item(other.id, "a")
    async with database.writing() as connection:
        await insert_items(connection, [first, second, foreign])
        found = await find_named_items(connection, mine.id, [foreign.id], ["a"])
        assert [row.id for row in found] == [first.id, second.id]
