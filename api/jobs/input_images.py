"""Pictures that callers give along: data URLs go to the store, asset ids are checked to be their own."""

import asyncio
import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from api.auth import Caller
from api.services import ApiServices
from models.errors import ImageError, InvalidRequest
from models.ids import new_id, public_id
from models.queries.assets import find_inputs
from worker.images.base64_decoder import decode_base64
from worker.images.inspection import ImageInfo, inspect
from worker.images.limits import SMALL, Limits
from worker.storage.store import Store

CODE = "input_image_invalid"


@dataclass(frozen=True, slots=True)
class _Unpacked:
    """A picture taken out of a data URL, checked."""

    data: bytes
    sha256: str
    facts: ImageInfo


async def missing_assets(services: ApiServices, caller: Caller, asset_ids: Collection[UUID]) -> set[UUID]:
    """Return those asset ids that do not exist or are not the caller's."""
    if not asset_ids:
        return set()
    async with services.database.reading() as connection:
        found = await find_inputs(connection, list(asset_ids), caller.id)
    return set(asset_ids) - {row.id for row in found}


@dataclass(frozen=True, slots=True)
class InputPicture:
    """A checked picture that is not stored yet, and the row that is to be written once it is."""

    data: bytes
    row: dict[str, Any]

    @property
    def id(self) -> str:
        """The asset that it will be."""
        return public_id("asset", self.row["id"])

    async def put(self, store: Store) -> None:
        """Store it. Raises ``StorageError``."""
        await store.put(self.row["key"], self.data, content_type=self.row["content_type"])


async def keep_data_url(
    services: ApiServices, caller: Caller, url: str, *, field: str, at: datetime
) -> tuple[str, dict[str, Any]]:
    """Store a data URL's picture. Returns its asset id, and the row that is to be written with the job.

    Raises ``InvalidRequest`` and ``StorageError``.
    """
    picture = await read_data_url(services, caller, url, field=field, at=at)
    await picture.put(services.store)
    return picture.id, picture.row


async def read_data_url(
    services: ApiServices, caller: Caller, url: str, *, field: str, at: datetime
) -> InputPicture:
    """Read and check a data URL's picture, without storing it. Raises ``InvalidRequest``."""
    picture = await _unpack(url, field, Limits(size=services.settings.input_image_limit))
    key = f"{picture.sha256[:2]}/{picture.sha256[2:4]}/{picture.sha256}.{picture.facts.extension}"
    return InputPicture(picture.data, _asset_row(picture, key, caller, at))


async def _unpack(url: str, field: str, limits: Limits) -> _Unpacked:
    head, comma, _ = url[:200].partition(",")
    if not comma or not head.endswith(";base64"):
        raise InvalidRequest(field, "write a data URL as data:image/png;base64,…", code=CODE)
    try:
        return _decode(url, limits) if len(url) <= SMALL else await asyncio.to_thread(_decode, url, limits)
    except ImageError as error:
        raise InvalidRequest(field, error.message, code=CODE) from error


def _decode(url: str, limits: Limits) -> _Unpacked:
    data = decode_base64(url, limits=limits)
    facts = inspect(data, limits=limits)
    if not facts.content_type.startswith("image/"):
        raise ImageError("asset_not_image", f"This is {facts.content_type}, not a picture.")
    return _Unpacked(data, hashlib.sha256(data).hexdigest(), facts)


def _asset_row(picture: _Unpacked, key: str, caller: Caller, at: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "caller_id": caller.id,
        "job_id": None,
        "position": 0,
        "token": secrets.token_urlsafe(18),
        "key": key,
        "sha256": picture.sha256,
        "content_type": picture.facts.content_type,
        "extension": picture.facts.extension,
        "width": picture.facts.width,
        "height": picture.facts.height,
        "bytes": len(picture.data),
        "source_url": None,
        "created_at": at,
    }
