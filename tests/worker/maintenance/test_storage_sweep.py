"""Storage sweep: one worker of a fleet goes through the storage, a part at a time."""

import os
from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

import pytest

from tests.support.darkroom import Darkroom, open_darkroom
from worker.asset_store import content_key
from worker.maintenance.orphans import claim
from worker.maintenance.storage_sweep import StorageSweep

PASSES = 20  # of 16 shards each: all 256 are swept


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    async with open_darkroom(plain_database_url, tmp_path, practice={}) as opened:
        yield opened


async def test_the_first_worker_deletes_old_orphans_within_its_passes(
    darkroom: Darkroom, tmp_path: Path
) -> None:
    services, pictures = darkroom.services, tmp_path / "pictures"
    await darkroom.caller()
    first, second = await darkroom.worker(), await darkroom.worker()
    await claim(services.database, services.store)
    for marker in (pictures / ".databases").iterdir():
        os.utime(marker, (1, 1))
    keys = [content_key(sha256(bytes([number])).hexdigest(), "png") for number in range(50)]
    for key in keys:
        await services.store.put(key, b"x", content_type="image/png")
    darkroom.clock.forward(days=8)

    idle = StorageSweep(services, second.context.worker_id)
    for _ in range(PASSES):
        await idle.run_pass()
    assert [await services.store.head(key) is None for key in keys] == [False] * 50

    sweep = StorageSweep(services, first.context.worker_id)
    await sweep.run_pass()
    gone = [await services.store.head(key) is None for key in keys]
    assert not all(gone), "a pass is bounded"
    for _ in range(PASSES):
        await sweep.run_pass()
    assert [await services.store.head(key) for key in keys] == [None] * 50


async def test_a_storage_that_is_away_is_tried_again_later(darkroom: Darkroom, tmp_path: Path) -> None:
    worker = await darkroom.worker()
    await darkroom.caller()
    pictures = tmp_path / "pictures"
    pictures.rename(tmp_path / "aside")
    pictures.write_bytes(b"not mounted")
    await StorageSweep(darkroom.services, worker.context.worker_id).run_pass()
