"""Items: inserted once, listed by a filter, and the errors of those that ended last."""

from datetime import timedelta

from models.campaigns.item_filter import parse_filter
from models.database import Database
from models.queries.campaigns import items
from tests.models.queries.campaigns.planned import AT, item, make_campaign


async def test_an_item_of_a_key_and_variant_is_inserted_once(database: Database) -> None:
    campaign = await make_campaign(database)
    first, again = item(campaign.id, "a"), item(campaign.id, "a")
    async with database.writing() as connection:
        assert await items.insert_items(connection, [first]) == {first.id}
        other = item(campaign.id, "a", variant="style=x")
        assert await items.insert_items(connection, [again, other]) == {other.id}
        found = await items.find_items(connection, campaign.id, [("a", ""), ("a", "style=y")], lock=True)
    assert {name: row.id for name, row in found.items()} == {("a", ""): first.id}


async def test_items_are_listed_by_filter_in_the_order_of_their_rows(database: Database) -> None:
    campaign = await make_campaign(database)
    made = [
        item(campaign.id, "cat_1", position=1, state="made"),
        item(campaign.id, "cat%2", position=0, state="failed", error="odd"),
        item(campaign.id, "dog", position=2, state="made", variant="v"),
    ]

    async def keys(limit: int = 9, after: int | None = None, **given: str) -> list[str]:
        async with database.reading() as connection:
            page = await items.list_items(
                connection,
                campaign.id,
                parse_filter(given),
                after=None if after is None else (after, made[1].id),
                limit=limit,
            )
        return [row.key for row in page]

    async with database.writing() as connection:
        await items.insert_items(connection, made)
        assert [row.key for row in await items.items_of_key(connection, campaign.id, "dog")] == ["dog"]
        assert list(await items.takes_of(connection, [made[0].id])) == []
    assert await keys() == ["cat%2", "cat_1", "dog"]
    assert await keys(limit=1) == ["cat%2"]
    assert await keys(after=0) == ["cat_1", "dog"]
    assert await keys(status="made") == ["cat_1", "dog"]
    assert await keys(key="cat*") == ["cat%2", "cat_1"]
    assert await keys(key="cat_*") == ["cat_1"]
    assert await keys(error="odd") == ["cat%2"]
    assert await keys(variant="v") == ["dog"]
    assert await keys(verdict="none", status="made") == ["cat_1", "dog"]
    assert await keys(model="m") == []


async def test_the_errors_of_the_last_items_count_without_cancelled_and_expired_ones(
    database: Database,
) -> None:
    campaign = await make_campaign(database)
    ends = [("made", None), ("failed", "odd"), ("failed", "odd"), ("skipped", None), ("failed", "expired")]
    made = [
        item(campaign.id, str(number), state=state, error=error, ended_at=AT + timedelta(seconds=number))
        for number, (state, error) in enumerate(ends)
    ]
    async with database.writing() as connection:
        await items.insert_items(connection, made)
        assert not await items.any_open(connection, campaign.id)
        await items.insert_items(connection, [item(campaign.id, "open", canary=True)])
        assert await items.any_open(connection, campaign.id, canary=True)

        async def errors(limit: int, since: int | None = None) -> dict[str, int]:
            start = None if since is None else AT + timedelta(seconds=since)
            return await items.count_last_errors(connection, campaign.id, since=start, limit=limit)

        assert await errors(9) == {"": 1, "odd": 2}
        assert await errors(1) == {"odd": 1}
        assert await errors(9, since=1) == {"odd": 1}


async def test_a_new_take_takes_the_verdict_away(database: Database) -> None:
    campaign = await make_campaign(database)
    one = item(campaign.id, "a")
    async with database.writing() as connection:
        await items.insert_items(connection, [one])
        await items.replace_take(
            connection, one.id, job_id=None, take=2, row_version=2, error="unknown_variable", at=AT
        )
        row = (await items.find_items(connection, campaign.id, [("a", "")]))["a", ""]
    assert (row.state, row.takes, row.row_version, row.error) == ("failed", 2, 2, "unknown_variable")
