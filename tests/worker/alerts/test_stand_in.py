"""While no worker lives, API processes tell of it; as soon as one does, they leave it to that."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import insert

from models.ids import new_id
from models.tables import api_keys, webhook_endpoints
from tests.support.darkroom import Darkroom, open_darkroom
from tests.support.receiver import Receiver
from worker.alerts.stand_in import StandIn


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    async with open_darkroom(plain_database_url, tmp_path, practice={}) as opened:
        yield opened


async def add_admin(darkroom: Darkroom, url: str) -> None:
    """Insert an administrator with a webhook for alerts, and a job that waits."""
    caller, at = await darkroom.caller(), darkroom.clock()
    await darkroom.submit(caller)
    key = {"id": new_id(), "caller_id": caller, "name": "k", "key_hash": b"h" * 32, "key_hint": "h"}
    hook = {"id": new_id(), "caller_id": caller, "url": url, "description": "", "events": ["alert.*"]}
    async with darkroom.services.database.writing() as connection:
        await connection.execute(insert(api_keys).values(**key, role="admin", created_at=at))
        secret = darkroom.services.cipher.encrypt("whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        await connection.execute(insert(webhook_endpoints).values(**hook, secret=secret, created_at=at))


async def test_two_api_processes_tell_once_that_no_worker_lives_until_one_does(darkroom: Darkroom) -> None:
    receiver = Receiver()
    await receiver.start()
    try:
        await add_admin(darkroom, receiver.url)
        processes = [StandIn(darkroom.services, pause=1000) for _ in range(2)]
        async with processes[0].running(), processes[1].running():
            for _ in range(3):
                await asyncio.gather(*(each.run_round() for each in processes))
                darkroom.clock.forward(minutes=3)
            await receiver.until(1)
            await darkroom.worker()
            darkroom.clock.forward(seconds=1)
            await processes[0].run_round()
        assert receiver.types == ["alert.backlog_no_worker"]
    finally:
        await receiver.stop()
