"""Alerts are told once, when they have lasted, and once more when they end."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from models.ids import new_id
from models.queries.operations.notices import Notice, acknowledge, list_notices
from models.queries.webhooks.outbox import BODY_KEY
from models.tables import api_keys, jobs, webhook_deliveries, webhook_endpoints
from tests.support.darkroom import Darkroom, open_darkroom
from worker.alerts.watch import AlertWatch


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    async with open_darkroom(plain_database_url, tmp_path, practice={}) as opened:
        yield opened


class Watched:
    """An installation with a held job, whose administrator has a webhook."""

    def __init__(self, darkroom: Darkroom) -> None:
        self.darkroom, self.due = darkroom, asyncio.Event()

    async def start(self, *, role: str = "admin", **settings: Any) -> None:
        self.worker = await self.darkroom.worker()
        caller, at = await self.darkroom.caller(), self.darkroom.clock()
        self.job = await self.darkroom.submit(caller, status="held")
        key = {"id": new_id(), "caller_id": caller, "name": "k", "key_hash": b"h" * 32, "key_hint": "h"}
        hook = {"id": new_id(), "caller_id": caller, "url": "https://ops.example/hook", "description": ""}
        async with self.darkroom.services.database.writing() as connection:
            await connection.execute(insert(api_keys).values(**key, role=role, created_at=at))
            wanted = {"events": ["alert.*"], "secret": "s", "created_at": at}
            await connection.execute(insert(webhook_endpoints).values(**hook, **wanted))
        services = self.darkroom.services
        if settings:
            object.__setattr__(services, "settings", services.settings.model_copy(update=settings))
        self.watch = AlertWatch(services, self.worker.context.worker_id, self.due)

    async def evaluate(self, **later: float) -> list[Notice]:
        """Evaluate the rules some time later; return the notices about held jobs."""
        self.darkroom.clock.forward(**later)
        await self.watch.evaluate()
        async with self.darkroom.services.database.reading() as connection:
            found = await list_notices(connection, ended=True)
        return [notice for notice in found if notice.alert == "held_jobs"]

    async def told(self) -> list[tuple[str, str]]:
        """Return event and status of the messages about held jobs."""
        rows = await self.darkroom._rows(select(webhook_deliveries).order_by(webhook_deliveries.c.id))
        bodies = [row.snapshot[BODY_KEY] for row in rows if row.event == "alert.held_jobs"]
        return [(body["type"], body["data"]["status"]) for body in bodies]

    async def release(self) -> None:
        """Let the held job be cancelled."""
        async with self.darkroom.services.database.writing() as connection:
            await connection.execute(update(jobs).where(jobs.c.id == self.job).values(status="cancelled"))


async def test_an_alert_is_told_once_after_it_has_lasted_and_when_it_ends(darkroom: Darkroom) -> None:
    watched = Watched(darkroom)
    await watched.start()
    (notice,) = await watched.evaluate()
    assert (notice.told_at, await watched.told()) == (None, [])
    await watched.evaluate(minutes=11)
    await watched.evaluate(minutes=11)
    assert await watched.told() == [("alert.held_jobs", "firing")]
    assert watched.due.is_set()
    await watched.release()
    (notice,) = await watched.evaluate(minutes=1)
    assert notice.ended_at is not None
    assert [status for _, status in await watched.told()] == ["firing", "resolved"]


async def test_an_alert_that_ends_at_once_is_told_to_nobody(darkroom: Darkroom) -> None:
    watched = Watched(darkroom)
    await watched.start()
    await watched.evaluate()
    await watched.release()
    (notice,) = await watched.evaluate(minutes=1)
    assert (notice.ended_at is not None, await watched.told()) == (True, [])


async def test_an_acknowledged_alert_is_not_told(darkroom: Darkroom) -> None:
    watched = Watched(darkroom)
    await watched.start()
    (notice,) = await watched.evaluate()
    async with darkroom.services.database.writing() as connection:
        seen = await acknowledge(connection, notice.id, by="ops", at=darkroom.clock())
        again = await acknowledge(connection, notice.id, by="another", at=darkroom.clock())
    assert seen is not None
    assert again is not None
    assert (seen.acknowledged_by, again.acknowledged_by) == ("ops", "ops")
    await watched.evaluate(minutes=11)
    assert await watched.told() == []


async def test_tickets_wait_in_quiet_hours(darkroom: Darkroom) -> None:
    watched = Watched(darkroom)
    darkroom.clock.at = darkroom.clock.at.replace(hour=23)
    await watched.start(quiet_hours="22:00-07:00")
    await watched.evaluate()
    await watched.evaluate(minutes=30)
    assert await watched.told() == []
    await watched.evaluate(hours=8)
    assert await watched.told() == [("alert.held_jobs", "firing")]


async def test_a_webhook_of_a_caller_that_is_no_administrator_any_more_is_not_told(
    darkroom: Darkroom,
) -> None:
    watched = Watched(darkroom)
    await watched.start(role="user")
    await watched.evaluate()
    await watched.evaluate(minutes=11)
    assert await watched.told() == []
