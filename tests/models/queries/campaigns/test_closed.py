"""Which campaigns a dispatch round leaves out, and what it reads of the others' limits."""

from datetime import timedelta
from typing import Any

import pytest

from models.database import Database
from models.queries.campaigns.campaigns import change
from models.queries.campaigns.closed import calls_of_campaigns, list_closed, list_limited, save_shares
from tests.models.queries.campaigns.planned import AT, make_campaign

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("values", "reason", "until"),
    [
        ({"closed": "campaign_budget"}, "campaign_budget", None),
        ({"opens_at": AT + HOUR, "closes_at": AT + 2 * HOUR}, "campaign_window", AT + HOUR),
        ({"closes_at": AT}, "campaign_window", None),
        ({"opens_at": AT, "closes_at": AT + HOUR}, None, None),
        ({}, None, None),
    ],
)
async def test_a_campaign_is_closed_by_a_pause_or_outside_its_opening(
    database: Database, values: dict[str, Any], reason: str | None, until: object
) -> None:
    campaign = await make_campaign(database)
    async with database.writing() as connection:
        await change(connection, campaign.id, at=AT, changes=values)
        found = await list_closed(connection, AT)
    assert [(each.name, each.reason, each.until) for each in found] == (
        [("spring", reason, until)] if reason else []
    )


async def test_limits_are_read_and_their_state_is_saved(database: Database) -> None:
    limited, _ = await make_campaign(database, rpm=5), await make_campaign(database, "plain")
    share = {"caller_id": limited.caller_id, "name": "spring", "next_start_at": AT + HOUR, "deficit": 0.5}
    async with database.writing() as connection:
        await save_shares(connection, [share])
        found = await list_limited(connection, [limited.caller_id])
        assert await list_limited(connection) == found
        assert await calls_of_campaigns(connection, [limited.caller_id]) == {}
    assert [(row.name, row.rpm, row.next_start_at, row.deficit) for row in found] == [
        ("spring", 5, AT + HOUR, 0.5)
    ]
