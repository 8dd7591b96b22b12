"""Thumbnails and the storage, both ways."""

from collections.abc import AsyncIterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import select, update

from models.operations.thumbnail_keys import thumbnail_key
from models.queries.assets import insert_assets, save_thumbnails
from models.tables import assets
from tests.support.darkroom import Darkroom, open_darkroom
from tests.worker.images.drawing import draw
from worker.asset_store import StoredImage
from worker.images.inspection import ImageInfo
from worker.maintenance.thumbnail_comparison import ThumbnailReport, compare_thumbnails


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    async with open_darkroom(plain_database_url, tmp_path, practice={}) as opened:
        yield opened


async def test_lost_thumbnails_are_made_again_and_those_that_nothing_shows_are_deleted(
    darkroom: Darkroom,
) -> None:
    store, database, caller = darkroom.services.store, darkroom.services.database, await darkroom.caller()
    keys = []
    for number, content in enumerate([draw("PNG", 800, 600), b"no picture", draw("PNG", 20, 10), b"gone"]):
        digest = sha256(content).hexdigest()
        stored = StoredImage.of(digest, ImageInfo("image/png", "png", 3, 2), len(content))
        new = stored.as_asset(caller_id=caller, at=darkroom.clock())
        if content != b"gone":
            await store.put(stored.key, content, content_type="image/png")
        async with database.writing() as connection:
            await insert_assets(connection, [new])
            await save_thumbnails(connection, new.id, {"320": [320, 240, 7]} if number != 2 else None)
        keys.append(stored.key)
    whole, broken, unused, gone = keys
    await store.put(thumbnail_key(whole, 320), b"cut", content_type="image/webp")
    await store.put(thumbnail_key(unused, 320), b"a small", content_type="image/webp")
    before = darkroom.clock() + timedelta(days=1)

    found = await compare_thumbnails(database, store, before=before, repair=False)
    assert (sorted(found.lost), found.renewed) == (sorted([whole, broken, gone]), 0)
    assert (found.unused, found.deleted) == ([thumbnail_key(unused, 320)], 0)

    found = await compare_thumbnails(database, store, before=before, repair=True)
    assert (found.renewed, found.deleted) == (1, 1)
    async with database.reading() as connection:
        shown = select(assets.c.key, assets.c.thumbnails).where(assets.c.thumbnails.is_not(None))
        sizes = {row.key: row.thumbnails for row in await connection.execute(shown)}
    assert sizes.keys() == {whole, gone}, "one is no picture"
    for side, (*_, size) in sizes[whole].items():
        stat = await store.head(thumbnail_key(whole, int(side)))
        assert stat is not None
        assert stat.size == size

    async with database.writing() as connection:
        await connection.execute(update(assets).where(assets.c.key == gone).values(missing_at=before))
    assert await compare_thumbnails(database, store, before=before, repair=False) == ThumbnailReport()
