"""Input images of the images API: files of a form, or addresses, data URLs and ids in JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from api.auth import Caller
from api.jobs.input_images import read_data_url
from api.jobs.uploads import Upload, store_upload
from api.openai.forms import Form, chunks_of
from api.services import ApiServices
from models.errors import InvalidRequest, NotFound
from models.ids import parse_id, public_id
from models.openai.file_ids import PREFIX, asset_of_file
from models.queries.assets import find_inputs
from worker.images.limits import Limits
from worker.images.mask_size import inline_size, require_same_size

MOST_IMAGES = 16
_PLACES = ("image", "images")
_MASK = "mask"
_FILES = (*_PLACES, _MASK)


@dataclass(slots=True)
class InputImages:
    """The images of an edit, each as the native API takes it."""

    images: list[str] = field(default_factory=list)
    mask: str | None = None


async def store_files(services: ApiServices, caller: Caller, form: Form) -> InputImages:
    """Store the files of a form as input images. Raises ``InvalidRequest`` and ``StorageError``."""
    found, first, mask = InputImages(), list[Upload](), list[Upload]()
    for name, _ in form.files:
        if name not in _FILES:
            places = "image, image[] and mask"
            raise InvalidRequest(name, f"there is no such file; pictures are sent as {places}")
    pictures = [file for name, file in form.files if name != _MASK]
    masks = [file for name, file in form.files if name == _MASK]
    if len(pictures) > MOST_IMAGES:
        raise InvalidRequest("image", f"there may be {MOST_IMAGES} pictures, not {len(pictures)}")
    if len(masks) > 1:
        raise InvalidRequest(_MASK, "there may be one mask")
    for file in pictures:
        first.append(await store_upload(services, caller, chunks_of(file), field="image"))
    for file in masks:
        mask.append(await store_upload(services, caller, chunks_of(file), field=_MASK))
    found.images = [public_id("asset", each.asset.id) for each in first]
    found.mask = public_id("asset", mask[0].asset.id) if mask else None
    return found


async def check_mask(services: ApiServices, caller: Caller, inputs: InputImages, at: datetime) -> None:
    """Raise ``InvalidRequest`` for a mask of another size than the first picture, if both are known here."""
    if inputs.mask is None or not inputs.images:
        return
    mask = await _size_of(services, caller, inputs.mask, _MASK, at)
    require_same_size(mask, await _size_of(services, caller, inputs.images[0], "images.0", at))


def check_inline_mask(inputs: InputImages, services: ApiServices) -> None:
    """Do what ``check_mask`` does, without I/O: where mask and picture are data URLs."""
    if inputs.mask is not None and inputs.images:
        limits = Limits(size=services.settings.input_image_limit)
        require_same_size(*(inline_size(each, limits) for each in (inputs.mask, inputs.images[0])))


async def _size_of(services: ApiServices, caller: Caller, image: str, field: str, at: datetime) -> str | None:
    """Return the size of a data URL or a stored picture, such as ``1024x1024``; of no other image."""
    if image.startswith("data:"):
        asset = (await read_data_url(services, caller, image, field=field, at=at)).asset
        return f"{asset.width}x{asset.height}"
    try:
        key = parse_id("asset", image)
    except NotFound:
        return None
    async with services.database.reading() as connection:
        rows = await find_inputs(connection, [key], caller.id)
    return f"{rows[0].width}x{rows[0].height}" if rows else None


def take_images(members: dict[str, Any]) -> InputImages:
    """Take the images out of a JSON body. Raises ``InvalidRequest``."""
    found = InputImages()
    for name in _PLACES:
        given = members.pop(name, None)
        for position, value in enumerate(given if isinstance(given, list) else [given]):
            if value is not None:
                found.images.append(image_of(value, f"{name}.{position}"))
    if (mask := members.pop(_MASK, None)) is not None:
        found.mask = image_of(mask, _MASK)
    return found


def image_of(value: Any, name: str) -> str:
    """Return an image as the native API takes it: an address, a data URL, or the id of a stored one.

    Raises ``InvalidRequest``.
    """
    if isinstance(value, Mapping):
        value = value.get("image_url") or value.get("file_id") or value.get("url")
        if isinstance(value, Mapping):
            value = value.get("url")
    if not isinstance(value, str) or not value.strip():
        raise InvalidRequest(name, 'write {"image_url": "https://…"}, a data: URL or {"file_id": "…"}')
    return _stored(value.strip(), name)


def _stored(image: str, name: str) -> str:
    """Return the id of the asset that an uploaded file is; any other image as it is."""
    if not image.startswith(PREFIX):
        return image
    try:
        return asset_of_file(image)
    except NotFound as error:
        raise InvalidRequest(name, str(error), code="input_image_not_found") from error
