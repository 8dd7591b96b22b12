"""Unused uploads are deleted once their time has passed; those that a job names stay."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from models.ids import new_id, public_id
from models.queries.assets import find_asset, insert_assets
from models.queries.jobs import NewJob, insert_jobs
from tests.support.darkroom import Darkroom, open_darkroom
from tests.worker.images.drawing import draw
from worker.asset_store import check_image
from worker.images.limits import Limits
from worker.maintenance.unused_uploads import delete_unused_uploads


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    async with open_darkroom(plain_database_url, tmp_path, practice={}) as opened:
        yield opened


async def test_an_upload_goes_after_its_time_unless_a_job_names_it(darkroom: Darkroom) -> None:
    services, caller_id = darkroom.services, await darkroom.caller()
    at = services.clock()
    image = check_image(draw("PNG"), limits=Limits())
    unused, named = (
        image.stored.as_asset(caller_id=caller_id, at=at, unused_until=at + timedelta(days=7)) for _ in "ab"
    )
    job = NewJob(new_id(), "m", "a cat", {"images": [public_id("asset", named.id)]}, 0, 3, "hold", at)
    async with services.database.writing() as connection:
        await insert_assets(connection, [unused, named])
        await insert_jobs(connection, [job], caller_id=caller_id, surface="rest", at=at)

    assert await delete_unused_uploads(services.database, at + timedelta(days=6)) == 0
    assert await delete_unused_uploads(services.database, at + timedelta(days=8)) == 1
    async with services.database.reading() as connection:
        assert await find_asset(connection, unused.id, caller_id=None) is None
        kept = await find_asset(connection, named.id, caller_id=None)
    assert kept is not None
    assert kept.unused_until is None
