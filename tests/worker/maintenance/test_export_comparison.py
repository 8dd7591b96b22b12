"""Exports and the storage, both ways."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from models.ids import new_id, public_id
from models.queries.campaigns import exports
from tests.support.darkroom import Darkroom, open_darkroom
from tests.worker.campaigns.conftest import colours, plan
from tests.worker.exports.test_exporter import claim, request
from worker.exports.build import DIRECTORY, objects_of
from worker.exports.exporter import Exporter
from worker.maintenance.export_comparison import compare_exports


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    async with open_darkroom(plain_database_url, tmp_path, practice={}) as opened:
        yield opened


async def test_exports_without_their_content_expire_and_objects_of_none_are_deleted(
    darkroom: Darkroom,
) -> None:
    store, database = darkroom.services.store, darkroom.services.database
    planned = await plan(darkroom, colours(2))
    whole, cut = await request(planned), await request(planned)
    await Exporter(darkroom.services, asyncio.Event()).run_round()
    running = await request(planned)
    assert await claim(darkroom)
    async with database.reading() as connection:
        builds = {key: await exports.get_export(connection, key) for key in (whole, cut, running)}
    prefixes = {key: f"{objects_of(key)}{row.build.hex}/" for key, row in builds.items() if row is not None}
    strays = [f"{objects_of(key)}{new_id().hex}/index" for key in (whole, new_id())]
    for key in (*strays, f"{prefixes[running]}index"):
        await store.put(key, b"x", content_type="application/octet-stream")
    before = darkroom.clock() + timedelta(days=1)

    found = await compare_exports(database, store, before=before, repair=True)
    assert (found.ready, found.lost, sorted(found.unused), found.deleted) == (2, [], sorted(strays), 2)

    await store.delete(f"{prefixes[cut]}{DIRECTORY}")
    found = await compare_exports(database, store, before=None, repair=False)
    assert (found.lost, found.expired, found.unused) == ([public_id("export", cut)], 0, [])
    found = await compare_exports(database, store, before=before, repair=True)
    assert (found.expired, found.deleted) == (1, len(found.unused))
    async with database.reading() as connection:
        row = await exports.get_export(connection, cut)
    assert row is not None
    assert row.status == "expired"
    found = await compare_exports(database, store, before=before, repair=True)
    assert (found.ready, found.lost, found.unused) == (1, [], [])
