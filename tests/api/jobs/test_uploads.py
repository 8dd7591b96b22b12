"""An upload puts the time off until which its image stays."""

from collections.abc import AsyncIterator
from datetime import timedelta

from sqlalchemy import update

from api.auth import Caller
from api.jobs.uploads import Upload, store_upload
from models.ids import public_id
from models.queries.assets import find_asset
from models.tables import assets
from tests.api.service import Service
from tests.worker.images.drawing import draw

PICTURE = draw("PNG")
DAY = timedelta(days=1)


async def chunks() -> AsyncIterator[bytes]:
    for start in range(0, len(PICTURE), 100):
        yield PICTURE[start : start + 100]


async def test_sent_again_or_named_by_a_job_an_image_stays_as_long_as_a_new_one(service: Service) -> None:
    services = service.services
    caller = (await services.authenticator.check(service.key or "")).caller
    assert caller is not None
    first = await store(service, caller)
    assert first.new
    assert await left(service, first) > 6.9 * DAY

    await nearly_over(service, first)
    again = await store(service, caller)
    assert (again.new, again.asset.id) == (False, first.asset.id)
    assert await left(service, first) > 6.9 * DAY

    await nearly_over(service, first)
    await service.submit(images=[public_id("asset", first.asset.id)])
    assert await left(service, first) > 6.9 * DAY


async def store(service: Service, caller: Caller) -> Upload:
    return await store_upload(service.services, caller, chunks(), field="body")


async def nearly_over(service: Service, upload: Upload) -> None:
    soon = service.services.clock() + DAY
    async with service.services.database.writing() as connection:
        await connection.execute(
            update(assets).where(assets.c.id == upload.asset.id).values(unused_until=soon)
        )


async def left(service: Service, upload: Upload) -> timedelta:
    async with service.services.database.reading() as connection:
        row = await find_asset(connection, upload.asset.id, caller_id=None)
    assert row is not None
    return timedelta(seconds=(row.unused_until - service.services.clock()).total_seconds())
