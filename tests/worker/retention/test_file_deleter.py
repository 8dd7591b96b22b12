"""Files are deleted once nothing names them, and not while another database may."""

from hashlib import sha256
from pathlib import Path

import pytest

from models.queries.operations.file_deletions import add_file_deletions, count_file_deletions
from tests.support.darkroom import Darkroom
from tests.support.databases import LAYOUTS
from tests.worker.retention.test_pruner import age_all, made
from worker.asset_store import content_key
from worker.retention.file_deleter import delete_due_files

pytestmark = pytest.mark.parametrize("plain_database_url", LAYOUTS, indirect=True)

KEY = content_key(sha256(b"x").hexdigest(), "png")


async def due(darkroom: Darkroom, *keys: str) -> None:
    async with darkroom.services.database.writing() as connection:
        await add_file_deletions(connection, keys, darkroom.clock())


async def test_a_file_that_was_put_lately_is_looked_at_again(darkroom: Darkroom, tmp_path: Path) -> None:
    services = darkroom.services
    await darkroom.caller()
    await services.store.put(KEY, b"x", content_type="image/png")
    await due(darkroom, KEY, KEY)
    done = await delete_due_files(services.database, services.store, darkroom.clock())
    assert (done.deleted, done.postponed) == (0, 1)
    again = await delete_due_files(services.database, services.store, darkroom.clock())
    assert again.postponed == 0, "not before ten minutes"
    age_all(tmp_path)
    darkroom.clock.forward(minutes=10)
    done = await delete_due_files(services.database, services.store, darkroom.clock())
    assert (done.deleted, await services.store.head(KEY)) == (1, None)


async def test_a_file_in_use_or_gone_is_forgotten(darkroom: Darkroom) -> None:
    worker, caller, services = await darkroom.worker(), await darkroom.caller(), darkroom.services
    (image,) = await darkroom.assets(await made(darkroom, worker, caller))
    await due(darkroom, image.key, KEY)
    done = await delete_due_files(services.database, services.store, darkroom.clock())
    assert (done.deleted, done.in_use, done.postponed) == (0, 1, 0)
    assert await services.store.head(image.key) is not None
    async with services.database.reading() as connection:
        assert await count_file_deletions(connection) == 0


async def test_images_of_a_store_that_another_database_uses_stay(darkroom: Darkroom, tmp_path: Path) -> None:
    services = darkroom.services
    await darkroom.caller()
    await services.store.put(KEY, b"x", content_type="image/png")
    await services.store.put(".databases/another", b"x", content_type="text/plain")
    age_all(tmp_path)
    await due(darkroom, KEY)
    done = await delete_due_files(services.database, services.store, darkroom.clock())
    assert (done.deleted, done.postponed) == (0, 1)
    assert await services.store.head(KEY) is not None
