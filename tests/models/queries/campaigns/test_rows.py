"""Rows in bulk: inserted once, changed as a new version, read in order, taken to be started."""

from models.database import Database
from models.queries.campaigns import rows
from tests.models.queries.campaigns.planned import AT, make_campaign, row


async def test_rows_are_read_in_the_order_of_their_import(database: Database) -> None:
    campaign = await make_campaign(database)
    async with database.writing() as connection:
        await rows.insert_rows(connection, campaign.id, [row("é"), row("b")], first_position=0)
        await rows.insert_rows(connection, campaign.id, [row("A", colour="red")], first_position=2)
    async with database.reading() as connection:
        found = [each async for each in rows.all_rows(connection, campaign.id, page=2)]
        keys = await rows.list_keys(connection, campaign.id, after=None, limit=9)
        rest = await rows.list_keys(connection, campaign.id, after="A", limit=9)
        last = await rows.rows_at(connection, campaign.id, [2])
    assert [(each.key, each.position, each.version) for each in found] == [
        ("é", 0, 1),
        ("b", 1, 1),
        ("A", 2, 1),
    ]
    assert [keys, rest] == [["A", "b", "é"], ["b", "é"]]
    assert last[0].content.variables == {"colour": "red"}


async def test_a_changed_row_gets_a_version_that_is_not_started(database: Database) -> None:
    campaign = await make_campaign(database)
    changed = row("a", 7, colour="blue")
    async with database.writing() as connection:
        await rows.insert_rows(connection, campaign.id, [row("a"), row("b")], first_position=0)
        started = {"started_version": 1, "started_variants": 0}
        await rows.note_started(connection, campaign.id, [{"key": key, **started} for key in "ab"])
        assert not await rows.any_unstarted(connection, campaign.id)
        await rows.change_rows(connection, campaign.id, [changed])
        unstarted = await rows.lock_unstarted(connection, campaign.id, limit=9)
        assert await rows.count_unstarted(connection, campaign.id) == 1
        hashes = await rows.hashes_of(connection, campaign.id, ["a", "c"])
    assert [(each.key, each.version, each.started_version) for each in unstarted] == [("a", 2, 1)]
    assert hashes == {"a": (changed.content_hash, False)}


async def test_a_missing_row_is_marked_once_and_cleared_when_it_is_back(database: Database) -> None:
    campaign = await make_campaign(database)
    async with database.writing() as connection:
        await rows.insert_rows(connection, campaign.id, [row("a")], first_position=0)
        for moment, marked in ((AT, True), (None, False)):
            await rows.mark_missing(connection, campaign.id, ["a"], moment)
            assert (await rows.hashes_of(connection, campaign.id, ["a"]))["a"][1] is marked


async def test_rows_that_another_transaction_starts_are_left_to_it(database: Database) -> None:
    if database.is_sqlite:
        return  # its writers take turns
    campaign = await make_campaign(database)
    async with database.writing() as connection:
        await rows.insert_rows(connection, campaign.id, [row("a"), row("b")], first_position=0)
    async with database.writing() as one, database.writing() as other:
        mine = await rows.lock_unstarted(one, campaign.id, limit=1)
        theirs = await rows.lock_unstarted(other, campaign.id, limit=9)
    assert [[each.key for each in found] for found in (mine, theirs)] == [["a"], ["b"]]
