"""Lines of a batch in SQL: in the order of the input, also those that were never started."""

from datetime import UTC, datetime
from uuid import UUID

from models.campaigns.row import RowContent
from models.database import Database
from models.ids import new_id
from models.queries.campaigns import campaigns
from models.queries.campaigns.items import NewItem, insert_items
from models.queries.campaigns.rows import ImportedRow, insert_rows
from models.queries.openai.batch_lines import any_expired, list_lines
from tests.models.queries.openai.callers import new_caller

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


async def test_lines_are_read_in_order_with_their_items(database: Database) -> None:
    caller = await new_caller(database)
    async with database.writing() as connection:
        key = await campaigns.insert_planned(connection, caller, "batch_1", at=AT, values={"spec": {}})
        assert key is not None
        content = RowContent({}, {})
        rows = [ImportedRow(name, 1, content, content.content_hash) for name in ("z", "a", "m")]
        await insert_rows(connection, key, rows, first_position=0)
        await insert_items(connection, [item(key, "a", 1), item(key, "m", 2, error="expired")])
        lines = await list_lines(connection, key, from_position=0, limit=2)
        assert [(line.custom_id, line.state, line.job) for line in lines] == [
            ("z", None, None),
            ("a", "failed", None),
        ]
        assert [each.custom_id for each in await list_lines(connection, key, from_position=2, limit=2)] == [
            "m"
        ]
        assert await any_expired(connection, key)
        assert not await any_expired(connection, new_id())


def item(campaign: UUID, key: str, position: int, error: str | None = "no_image") -> NewItem:
    return NewItem(
        id=new_id(),
        campaign_id=campaign,
        key=key,
        variant="",
        position=position,
        row_version=1,
        canary=False,
        job_id=None,
        takes=0,
        state="failed",
        error=error,
        ended_at=AT,
    )
