"""Campaigns: names are taken once, status changes hold once, imports claim in turn."""

from datetime import timedelta

import pytest

from models.campaigns.status import CampaignStatus
from models.database import Database
from models.ids import new_id
from models.queries.campaigns import campaigns, rows
from tests.models.queries.campaigns.planned import AT, make_campaign, row

S = CampaignStatus


async def test_a_name_is_taken_once_and_found_by_id_and_name(database: Database) -> None:
    campaign = await make_campaign(database)
    async with database.writing() as connection:
        again = await campaigns.insert_planned(connection, campaign.caller_id, "spring", at=AT, values={})
        assert again is None
        found = await campaigns.find(connection, [campaign.caller_id], name="spring", lock=True)
        assert found == await campaigns.find(connection, [campaign.caller_id], key=campaign.id) == campaign
        assert await campaigns.find(connection, [new_id()], key=campaign.id) is None
        await campaigns.adopt_plain(connection, campaign.caller_id, "only jobs", AT)
        page = await campaigns.list_planned_and_plain(connection, [campaign.caller_id], after="n", limit=9)
    assert [(each.name, each.kind, each.is_planned) for each in page] == [
        ("only jobs", "plain", False),
        ("spring", "planned", True),
    ]


async def test_a_status_is_left_once_and_only_as_the_state_machine_allows(database: Database) -> None:
    campaign = await make_campaign(database)
    async with database.writing() as connection:
        changes = {"started_at": AT}
        for holds in (True, False):
            changed = await campaigns.change_status(connection, campaign, S.CHECKING, at=AT, changes=changes)
            assert changed is holds
        with pytest.raises(ValueError, match="does not go from draft to finished"):
            await campaigns.change_status(connection, campaign, S.FINISHED, at=AT)
        assert await campaigns.list_active(connection) == [campaign.id]
        now = await campaigns.lock_free(connection, campaign.id)
    assert now is not None
    assert (now.status, now.started_at, now.revision) == ("checking", AT, 2)


async def test_a_second_import_waits_until_the_claim_ends(database: Database) -> None:
    campaign = await make_campaign(database)
    one, other, later = new_id(), new_id(), AT + timedelta(minutes=1)

    async def claims(key: object, at: object = AT, **more: bool) -> bool:
        async with database.writing() as connection:
            return await campaigns.claim_import(connection, campaign.id, key, until=later, at=at, **more)

    assert [await claims(one), await claims(other), await claims(one)] == [True, False, True]
    assert await claims(other, later)
    assert [await claims(one, AT, take_over=True), await claims(other)] == [True, False]
    assert await claims(other, AT, take_over=True)
    async with database.writing() as connection:
        await campaigns.end_import(connection, campaign.id, one, {"SKU": "key"})
        assert not await campaigns.claim_import(connection, campaign.id, one, until=later, at=AT)
        await campaigns.end_import(connection, campaign.id, other, {"SKU": "key"})
        found = await campaigns.get(connection, campaign.id, lock=True)
    assert found is not None
    assert (found.mapping, found.import_id) == ({"SKU": "key"}, None)


async def test_only_a_draft_is_deleted_and_its_rows_go_with_it(database: Database) -> None:
    campaign = await make_campaign(database)
    async with database.writing() as connection:
        await rows.insert_rows(connection, campaign.id, [row("a")], first_position=0)
        await campaigns.add_rows(connection, campaign.id, rows=1, variants=3)
        await campaigns.change_status(connection, campaign, S.CHECKING, at=AT, changes={"expected_items": 3})
        assert not await campaigns.delete_draft(connection, campaign.id)
        await campaigns.add_rows(connection, campaign.id, rows=2, variants=3)
        counted = await campaigns.get(connection, campaign.id)
    assert counted is not None
    assert (counted.row_count, counted.expected_items) == (3, 9)

    draft = await make_campaign(database, "autumn")
    async with database.writing() as connection:
        await rows.insert_rows(connection, draft.id, [row("a")], first_position=0)
        assert await campaigns.delete_draft(connection, draft.id)
        assert await rows.list_keys(connection, draft.id, after=None, limit=9) == []
