"""A caller with a planned campaign, and shortcuts that make its rows and items."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from models.campaigns.row import RowContent
from models.database import Database
from models.ids import new_id
from models.queries.callers import insert_caller
from models.queries.campaigns.campaigns import Campaign, get, insert_planned
from models.queries.campaigns.items import NewItem
from models.queries.campaigns.rows import ImportedRow

AT = datetime(2026, 6, 1, tzinfo=UTC)


async def make_campaign(database: Database, name: str = "spring", **values: Any) -> Campaign:
    """Return a new draft of a new caller."""
    caller_id = new_id()
    async with database.writing() as connection:
        await insert_caller(
            connection,
            caller_id,
            name="ops",
            key_hash=caller_id.bytes * 2,
            key_hint="…",
            admin=False,
            at=AT,
        )
        key = await insert_planned(connection, caller_id, name, at=AT, values=values)
        assert key is not None
        campaign = await get(connection, key)
        assert campaign is not None
    return campaign


def row(key: str, line: int = 1, **variables: str) -> ImportedRow:
    """Return an imported row."""
    content = RowContent(variables, {})
    return ImportedRow(key, line, content, content.content_hash)


def item(campaign_id: UUID, key: str, **values: Any) -> NewItem:
    """Return an item without a job."""
    fixed = {"variant": "", "position": 0, "row_version": 1, "canary": False, "job_id": None, "takes": 0}
    return NewItem(id=new_id(), campaign_id=campaign_id, key=key, **{**fixed, **values})


def action_values(campaign: Campaign, **values: Any) -> dict[str, Any]:
    """Return the columns of a running retry."""
    fixed = {
        "caller_id": campaign.caller_id,
        "campaign_id": campaign.id,
        "kind": "retry",
        "status": "running",
        "parameters": {},
        "by": "ops",
        "eligible": 3,
        "frozen": 3,
        "done": 0,
        "skipped": [],
        "samples": [],
        "may_pay_twice": 0,
        "cost": {},
    }
    return {**fixed, **values}
