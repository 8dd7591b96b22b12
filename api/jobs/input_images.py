"""Input images of a job: data URLs become assets, and given assets must be the caller's own."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from api.auth import Caller
from api.jobs.validation import Rejection, ValidJob
from api.services import ApiServices
from models.errors import ImageError, InvalidRequest
from models.ids import parse_id, public_id, short_range
from models.queries.assets import NewAsset, find_inputs
from models.queries.short_ids import whole_id
from worker.asset_store import CheckedImage, check_base64
from worker.images.input_limits import InputSize
from worker.images.limits import SMALL, Limits
from worker.storage.store import Store

CODE = "input_image_invalid"
NOT_FOUND = "input_image_not_found"


async def with_whole_ids(
    services: ApiServices, caller: Caller, submitted: ValidJob | Rejection
) -> ValidJob | Rejection:
    """Return a job with whole ids instead of the short ids among its input images."""
    if isinstance(submitted, Rejection):
        return submitted
    short = [at for at, image in enumerate(submitted.images) if short_range("asset", image) is not None]
    if not short:
        return submitted
    images, assets = list(submitted.images), dict(submitted.assets)
    try:
        async with services.database.reading() as connection:
            for at in short:
                field, image = submitted.fields[at], images[at]
                images[at] = await whole_id(connection, "asset", image, caller_id=caller.id, field=field)
                if images[at] == image:
                    raise InvalidRequest(field, f"There is no asset {image!r}.", code=NOT_FOUND)
                assets[at] = parse_id("asset", images[at])
    except InvalidRequest as error:
        return Rejection(error.code, [{"field": error.field, "message": error.message}])
    return replace(submitted, images=images, assets=assets)


async def asset_sizes(
    services: ApiServices, caller: Caller, asset_ids: Collection[UUID]
) -> dict[UUID, InputSize]:
    """Return the sizes of assets, without those that do not exist or belong to another caller."""
    if not asset_ids:
        return {}
    async with services.database.reading() as connection:
        found = await find_inputs(connection, list(asset_ids), caller.id)
    return {row.id: InputSize.of(row.bytes, row.width, row.height) for row in found}


@dataclass(frozen=True, slots=True)
class NewInputImage:
    """A checked image, not stored yet, and the asset to insert once it is."""

    image: CheckedImage
    asset: NewAsset

    @property
    def id(self) -> str:
        """Public id of the asset."""
        return public_id("asset", self.asset.id)

    @property
    def size(self) -> InputSize:
        """Its bytes and pixels."""
        stored = self.image.stored
        return InputSize.of(stored.bytes, stored.width, stored.height)

    async def put(self, store: Store) -> None:
        """Store the image. Raises ``StorageError``."""
        await self.image.put(store)


async def read_data_url(
    services: ApiServices, caller: Caller, url: str, *, field: str, at: datetime
) -> NewInputImage:
    """Return the checked image of a data URL, not stored yet. Raises ``InvalidRequest``."""
    image = await _unpack(url, field, Limits(size=services.settings.input_image_limit))
    return NewInputImage(image, image.stored.as_asset(caller_id=caller.id, at=at))


async def _unpack(url: str, field: str, limits: Limits) -> CheckedImage:
    head, comma, _ = url[:200].partition(",")
    if not comma or not head.endswith(";base64"):
        raise InvalidRequest(field, "write a data URL as data:image/png;base64,…", code=CODE)
    try:
        return _decode(url, limits) if len(url) <= SMALL else await asyncio.to_thread(_decode, url, limits)
    except ImageError as error:
        raise InvalidRequest(field, error.message, code=CODE) from error


def _decode(url: str, limits: Limits) -> CheckedImage:
    image = check_base64(url, limits=limits)
    if not image.stored.content_type.startswith("image/"):
        raise ImageError("asset_not_image", f"This is {image.stored.content_type}, not a picture.")
    return image
