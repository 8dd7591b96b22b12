"""Bulk actions as rows: listed newest first, claimed by one worker at a time."""

from datetime import timedelta

from models.database import Database
from models.ids import new_id
from models.queries.campaigns import actions
from tests.models.queries.campaigns.planned import AT, action_values, make_campaign


async def test_actions_are_listed_newest_first_by_campaign_and_status(database: Database) -> None:
    campaign, other = await make_campaign(database), await make_campaign(database)
    async with database.writing() as connection:
        first, second, third = [
            await actions.insert_action(
                connection, new_id(), at=AT, values=action_values(each, status=status)
            )
            for each, status in ((campaign, "running"), (campaign, "aborted"), (other, "running"))
        ]
        mine = {"campaign_id": None, "statuses": (), "before": None, "limit": 9}
        both = [campaign.caller_id, other.caller_id]
        assert await actions.list_actions(connection, both, **mine) == [third, second, first]
        assert await actions.list_actions(connection, both, **{**mine, "before": second.id}) == [first]
        only = {**mine, "campaign_id": campaign.id, "statuses": ["running"]}
        assert await actions.list_actions(connection, both, **only) == [first]
        assert await actions.any_running(connection, campaign.id)


async def test_an_action_has_one_worker_at_a_time_until_its_claim_ends(database: Database) -> None:
    campaign, mine, other = await make_campaign(database), new_id(), new_id()
    span = timedelta(seconds=30)
    async with database.writing() as connection:
        key = (await actions.insert_action(connection, new_id(), at=AT, values=action_values(campaign))).id
        for claim_id, at, got in (
            (mine, AT, True),
            (other, AT, False),
            (mine, AT + span / 2, True),
            (other, AT + span, False),
            (other, AT + 2 * span, True),
        ):
            assert await actions.claim(connection, key, claim_id, until=at + span, at=at) is got
        assert await actions.list_unclaimed(connection, AT + 2 * span) == []
        await actions.release(connection, key, other)
        assert await actions.list_unclaimed(connection, AT + 2 * span) == [key]
        await actions.change_action(connection, key, at=AT, changes={"status": "aborted"})
        assert await actions.list_unclaimed(connection, AT + 2 * span) == []
        assert not await actions.claim(connection, key, mine, until=AT, at=AT)
