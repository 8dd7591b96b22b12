"""Counts of items: the same sum before and after their differences are merged."""

from sqlalchemy import func, select

from models.database import Database
from models.queries.campaigns.counts import compact_counts, count_items, list_uncompacted
from models.queries.campaigns.items import insert_items, replace_take
from models.tables import campaign_counts
from tests.models.queries.campaigns.planned import AT, item, make_campaign


async def test_they_are_the_same_after_they_were_merged(database: Database) -> None:
    campaign = await make_campaign(database)
    made = [item(campaign.id, str(number)) for number in range(130)]
    async with database.writing() as connection:
        await insert_items(connection, made)
        for each in made[:110]:
            await replace_take(connection, each.id, job_id=None, take=1, row_version=1, error="odd", at=AT)
    async with database.writing() as connection:
        assert await list_uncompacted(connection) == [campaign.id]
        before = await count_items(connection, [campaign.id])
        await compact_counts(connection, campaign.id)
        after = await count_items(connection, [campaign.id])
        rows = await connection.scalar(select(func.count()).select_from(campaign_counts))
        assert await list_uncompacted(connection) == []
    assert before == after == {campaign.id: {"waiting": 20, "failed": 110}}
    assert rows == 2
