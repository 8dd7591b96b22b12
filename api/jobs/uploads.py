"""Upload of an input image before the jobs that name it: checked, stored once per caller and content."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Row

from api.auth import Caller
from api.services import ApiServices
from models.errors import ImageError, InvalidRequest
from models.queries.assets import find_asset, insert_assets
from models.queries.uploads import find_upload, keep_upload
from worker.asset_store import StoredImage
from worker.download.spool import SpooledFile
from worker.images.inspection import inspect
from worker.images.limits import Limits

_CODE = "input_image_invalid"


@dataclass(frozen=True, slots=True)
class Upload:
    """A stored input image; ``new``: the caller had not sent these bytes before."""

    asset: Row[Any]
    new: bool


async def store_upload(
    services: ApiServices, caller: Caller, chunks: AsyncIterator[bytes], *, field: str
) -> Upload:
    """Store an image, and return its asset: the present one, if the caller sent the same bytes before.

    ``field`` is the name of the body in errors. Raises ``InvalidRequest`` and ``StorageError``.
    """
    limits = Limits(size=services.settings.input_image_limit)
    with tempfile.TemporaryDirectory(prefix="darkroom-upload-") as folder:
        async with SpooledFile(Path(folder), limits) as spool:
            try:
                async for chunk in chunks:
                    await spool.add(chunk)
                body, digest = await spool.finish()
                info = await asyncio.to_thread(inspect, body, limits=limits)
            except ImageError as error:
                raise InvalidRequest(field, error.message, code=_CODE) from error
            if not info.content_type.startswith("image/"):
                raise InvalidRequest(field, f"This is {info.content_type}, not a picture.", code=_CODE)
            stored = StoredImage.of(digest, info, spool.size)
            # put in any case: it renews the age of a file that is about to be deleted as an orphan
            await services.store.put(stored.key, body, content_type=stored.content_type)
    return await _insert(services, caller, stored)


async def _insert(services: ApiServices, caller: Caller, stored: StoredImage) -> Upload:
    at = services.clock()
    until = at + timedelta(seconds=services.settings.upload_age)
    async with services.database.writing() as connection:
        known = await find_upload(connection, caller.id, stored.key)
        if known is not None and await keep_upload(connection, known.id, until):
            return Upload(known, new=False)
        asset = stored.as_asset(caller_id=caller.id, at=at, unused_until=until)
        await insert_assets(connection, [asset])
        row = await find_asset(connection, asset.id, caller_id=caller.id)
    assert row is not None  # inserted above
    return Upload(row, new=True)
