"""A database, a practice provider and a planned campaign with rows, moved on by a controller."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Row, select

from models.campaigns.row import RowContent
from models.campaigns.spec import CampaignSpec
from models.campaigns.status import CampaignStatus
from models.queries.campaigns import campaigns, rows
from models.queries.campaigns.campaigns import Campaign
from models.queries.campaigns.counts import count_items
from models.queries.campaigns.rows import ImportedRow
from models.tables import campaign_items, jobs
from tests.support.darkroom import Darkroom, OneWorker, open_darkroom
from worker.campaigns.controller import CampaignController
from worker.campaigns.pauses import pause_changes, resumed_status

DEFINITION: dict[str, Any] = {
    "name": "spring",
    "model": "practice-image",
    "template": {"prompt": "a {colour} cat"},
}


@dataclass
class Planned:
    """A campaign, and what the API does to it."""

    darkroom: Darkroom
    caller: UUID
    id: UUID
    spec: CampaignSpec

    @property
    def controller(self) -> CampaignController:
        """A controller of a new worker: it knows nothing of earlier rounds."""
        return CampaignController(self.darkroom.services, asyncio.Event(), asyncio.Event())

    async def read(self) -> Campaign:
        async with self.darkroom.services.database.reading() as connection:
            found = await campaigns.get(connection, self.id)
        assert found is not None
        return found

    async def status(self) -> str:
        return (await self.read()).status

    async def load(self, given: dict[str, str]) -> None:
        """Import rows: a colour by key."""
        made = [_row(number, key, colour) for number, (key, colour) in enumerate(given.items())]
        async with self.darkroom.services.database.writing() as connection:
            known = await rows.hashes_of(connection, self.id, list(given))
            added = [row for row in made if row.key not in known]
            changed = [row for row in made if row.key in known and known[row.key][0] != row.content_hash]
            campaign = await campaigns.get(connection, self.id, lock=True)
            assert campaign is not None
            await rows.insert_rows(connection, self.id, added, first_position=campaign.row_count)
            await rows.change_rows(connection, self.id, changed)
            variants = len(self.spec.variants(1_000))
            await campaigns.add_rows(connection, self.id, rows=len(added), variants=variants)

    async def start(self) -> None:
        at = self.darkroom.clock()
        opening = self.spec.opening(at)
        changes = {
            "started_at": at,
            "expected_items": 0,
            "opens_at": opening.opens_at if opening else None,
            "closes_at": opening.closes_at if opening else None,
        }
        await self.change(CampaignStatus.CHECKING, changes)

    async def change(self, entering: CampaignStatus, changes: dict[str, Any]) -> None:
        async with self.darkroom.services.database.writing() as connection:
            campaign = await campaigns.get(connection, self.id, lock=True)
            assert campaign is not None
            assert await campaigns.change_status(
                connection, campaign, entering, at=self.darkroom.clock(), changes=changes
            )

    async def pause(self, reason: Any, until: datetime | None = None) -> None:
        changes = pause_changes(await self.read(), reason, at=self.darkroom.clock(), by="ops", until=until)
        await self.change(CampaignStatus.PAUSED, changes)

    async def resume(self) -> None:
        status, changes = resumed_status(await self.read())
        await self.change(status, {**changes, "failing_since": self.darkroom.clock()})

    async def rounds(self, worker: OneWorker, count: int = 1) -> None:
        """Run the controller and the dispatcher of a worker, and the calls that they start."""
        for _ in range(count):
            await self.controller.run_round()
            await worker.run_round()
            self.darkroom.clock.forward(seconds=1)

    async def states(self) -> dict[str, int]:
        async with self.darkroom.services.database.reading() as connection:
            counts = await count_items(connection, [self.id])
        return {state.value: count for state, count in counts[self.id].items()}

    async def items(self) -> Sequence[Row[Any]]:
        async with self.darkroom.services.database.reading() as connection:
            query = select(campaign_items).order_by(campaign_items.c.position)
            return (await connection.execute(query)).all()

    async def takes(self) -> Sequence[Row[Any]]:
        async with self.darkroom.services.database.reading() as connection:
            query = select(jobs).where(jobs.c.item_id.is_not(None)).order_by(jobs.c.id)
            return (await connection.execute(query)).all()


def _row(number: int, key: str, colour: str) -> ImportedRow:
    content = RowContent({"colour": colour}, {})
    return ImportedRow(key, number + 2, content, content.content_hash)


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    async with open_darkroom(plain_database_url, tmp_path, practice={}) as opened:
        yield opened


async def plan(darkroom: Darkroom, given: dict[str, str], **members: Any) -> Planned:
    """Return a new campaign with these rows."""
    caller, spec = await darkroom.caller(), CampaignSpec.model_validate(DEFINITION | members)
    values = {
        "spec": spec.to_json(),
        "rpm": spec.limits.rpm,
        "concurrency": spec.limits.concurrency,
        "weight": spec.limits.weight,
        "deadline": spec.deadline,
    }
    async with darkroom.services.database.writing() as connection:
        key = await campaigns.insert_planned(
            connection, caller, spec.name, at=darkroom.clock(), values=values
        )
    assert key is not None
    made = Planned(darkroom, caller, key, spec)
    if given:
        await made.load(given)
    return made


def colours(count: int) -> dict[str, str]:
    """Return so many rows."""
    return {f"k{number:03}": f"colour {number}" for number in range(count)}
