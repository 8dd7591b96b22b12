"""Exporter: a build that was killed is begun anew, and one that never ends fails."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from models.campaigns.export_options import ExportFormat, ExportOptions
from models.ids import new_id
from models.queries.campaigns import exports
from tests.support.darkroom import Darkroom, open_darkroom
from tests.worker.campaigns.conftest import Planned, colours, plan
from worker.exports.exporter import Exporter


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    async with open_darkroom(plain_database_url, tmp_path, practice={}) as opened:
        yield opened


async def request(planned: Planned, destination: str | None = None) -> UUID:
    services = planned.darkroom.services
    async with services.database.writing() as connection:
        wanted = ExportOptions(format=ExportFormat.ZIP, destination=destination)
        return await exports.insert_export(
            connection, planned.id, planned.caller, wanted, planned.darkroom.clock()
        )


async def claim(darkroom: Darkroom) -> bool:
    """Claim an export as a worker that is killed at once."""
    at = darkroom.clock()
    async with darkroom.services.database.writing() as connection:
        until = at + timedelta(seconds=60)
        return await exports.claim_export(connection, new_id(), at=at, until=until) is not None


async def test_an_export_of_a_killed_worker_is_built_by_the_next_one(darkroom: Darkroom) -> None:
    planned = await plan(darkroom, colours(2))
    key = await request(planned)
    assert await claim(darkroom)
    exporter = Exporter(darkroom.services, asyncio.Event())
    await exporter.run_round()
    async with darkroom.services.database.reading() as connection:
        found = await exports.get_export(connection, key)
    assert found is not None
    assert found.status == "running"
    darkroom.clock.forward(seconds=61)
    await exporter.run_round()
    async with darkroom.services.database.reading() as connection:
        found = await exports.get_export(connection, key)
    assert found is not None
    assert (found.status, found.builds, found.bytes > 0) == ("ready", 2, True)


async def test_an_export_whose_workers_end_again_and_again_fails(darkroom: Darkroom) -> None:
    planned = await plan(darkroom, colours(1))
    key = await request(planned)
    for _ in range(exports.MOST_BUILDS):
        assert await claim(darkroom)
        darkroom.clock.forward(seconds=61)
    await Exporter(darkroom.services, asyncio.Event()).run_round()
    async with darkroom.services.database.reading() as connection:
        found = await exports.get_export(connection, key)
    assert found is not None
    assert found.status == "failed"
    assert "several times" in found.error


async def test_a_worker_that_stops_begins_no_export(darkroom: Darkroom) -> None:
    planned = await plan(darkroom, colours(1))
    await request(planned)
    halt = asyncio.Event()
    halt.set()
    await Exporter(darkroom.services, halt).run_round()
    assert await claim(darkroom)


async def test_without_an_export_url_nothing_is_written(darkroom: Darkroom) -> None:
    planned = await plan(darkroom, colours(1))
    key = await request(planned, destination="spring")
    await Exporter(darkroom.services, asyncio.Event()).run_round()
    async with darkroom.services.database.reading() as connection:
        found = await exports.get_export(connection, key)
    assert found is not None
    assert found.status == "failed"
    assert "DARKROOM_EXPORT_URL" in found.error
