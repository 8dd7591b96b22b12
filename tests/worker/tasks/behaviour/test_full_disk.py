"""Our own storage is full for a while: what was paid for is not given up for that."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.darkroom import Darkroom, open_darkroom


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    async with open_darkroom(plain_database_url, tmp_path, practice={}, store_attempts=2) as opened:
        yield opened


async def test_linked_images_are_stored_when_the_object_store_takes_them_again(
    darkroom: Darkroom, tmp_path: Path
) -> None:
    worker, job_id = await darkroom.worker(), await darkroom.submit(await darkroom.caller())
    pictures, aside = tmp_path / "pictures", tmp_path / "aside"
    pictures.rename(aside)
    pictures.write_bytes(b"nobody writes below a file")
    for _ in range(4):
        await worker.run_round()
        darkroom.clock.forward(seconds=20)
    job = await darkroom.job(job_id)
    assert (job.status, job.store_tries) == ("storing", 0)

    pictures.unlink()
    aside.rename(pictures)
    await worker.run_round()
    assert (await darkroom.job(job_id)).status == "succeeded"
    assert len(darkroom.provider.call_log.calls) == 1
