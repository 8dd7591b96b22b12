"""Verdicts: a person outranks a machine, and a claim of a reviewer ends."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import Database
from models.ids import new_id
from models.queries.campaigns import verdicts
from models.queries.campaigns.items import insert_items
from models.tables import campaign_items
from tests.models.queries.campaigns.planned import AT, item, make_campaign


async def in_force(connection: AsyncConnection) -> str | None:
    found: str | None = await connection.scalar(select(campaign_items.c.verdict))
    return found


async def test_a_person_outranks_a_machine_whoever_comes_last(database: Database) -> None:
    campaign = await make_campaign(database)
    async with database.writing() as connection:
        made = item(campaign.id, "a", state="made", takes=1, job_id=new_id())
        await insert_items(connection, [made])
        judged = await verdicts.lock_chosen(connection, [campaign_items.c.id == made.id], limit=9)

        async def add(verdict: str, source: str, action: Any = None) -> str | None:
            values = {
                **{"campaign_id": campaign.id, "verdict": verdict, "source": source, "reason": None},
                **{"key_id": None, "by": source, "action_id": action, "at": AT},
            }
            await verdicts.insert_verdicts(connection, judged, values)
            return await in_force(connection)

        action = new_id()
        assert await add("reject", "machine") == "reject"
        assert await add("pick", "person", action) == "pick"
        assert await add("reject", "machine") == "pick"
        assert await verdicts.undo_verdicts(connection, action, AT) == 1
        assert await in_force(connection) == "reject"
        assert await add("none", "person") is None
        assert len(await verdicts.verdicts_of(connection, [made.id])) == 4


async def test_a_claim_of_a_reviewer_ends(database: Database) -> None:
    campaign, mine, other = await make_campaign(database), new_id(), new_id()
    until = AT + timedelta(minutes=2)
    async with database.writing() as connection:
        made = item(campaign.id, "a", state="made", takes=1, job_id=new_id())
        await insert_items(connection, [made])
        assert await verdicts.claim_review(connection, made.id, mine, until=until, at=AT)
        assert not await verdicts.claim_review(connection, made.id, other, until=until, at=AT)
        assert await verdicts.next_unjudged(connection, campaign.id, other, after=None, at=AT) is None
        assert await verdicts.next_unjudged(connection, campaign.id, other, after=None, at=until)
        assert await verdicts.claim_review(connection, made.id, other, until=until, at=until)
