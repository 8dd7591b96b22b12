"""Input images of jobs: URLs and ids stay, files and bytes are uploaded once."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar

from darkroom_client.errors import InputError
from darkroom_client.exchange.session import Session
from darkroom_client.exchange.transport import Transport
from darkroom_client.resources.pictures import Picture, read_picture

M = TypeVar("M", bound=Transport)

InputImage: TypeAlias = str | bytes | os.PathLike[str] | Picture[Any]
"""A URL, an asset id or a path as text; a path; the bytes of an image; or a picture of an earlier job."""
_AS_THEY_ARE = ("http://", "https://", "data:", "asset_")


class InputImages(Generic[M]):
    """Turns input images into what the API takes; equal ones are sent once."""

    def __init__(self, session: Session[M]) -> None:
        self._session = session
        self._ids: dict[str | bytes, str] = {}

    async def refer(self, images: Sequence[InputImage], field: str = "images") -> list[str]:
        """Return a URL or an asset id for each image.

        Raises ``InputError``, ``ApiError`` and ``ConnectionFailed``.
        """
        if isinstance(images, str | bytes | os.PathLike | Picture):
            raise InputError(field, "give a list of images")
        return [await self.refer_one(image, f"{field}[{index}]") for index, image in enumerate(images)]

    async def refer_one(self, image: InputImage, field: str) -> str:
        """Return a URL or an asset id. Raises as ``refer`` does."""
        match image:
            case Picture():
                return image.id
            case bytes():
                return await self._uploaded(image, image)
            case str() if image.startswith(_AS_THEY_ARE):
                return image
            case str() | os.PathLike():
                path = os.fspath(image)
                if path in self._ids:
                    return self._ids[path]
                return await self._uploaded(path, await read_image(self._session, path, field))
        raise InputError(field, f"give a path, bytes, a URL or an asset, not {type(image).__name__}")

    async def _uploaded(self, origin: str | bytes, content: bytes) -> str:
        if origin not in self._ids:
            self._ids[origin] = (await upload_image(self._session, content)).id
        return self._ids[origin]


async def read_image(session: Session[Any], path: str | os.PathLike[str], field: str) -> bytes:
    """Return an image file's content. Raises ``InputError``, which names the field."""
    try:
        content: bytes = await session.transport.read_file(Path(path))
    except (OSError, ValueError, TypeError) as error:
        reason = getattr(error, "strerror", None) or error
        message = f"{str(path)[:200]!r} can't be read: {reason}; give a file, an http(s) URL or an asset id"
        raise InputError(field, message) from error
    return content


async def upload_image(session: Session[M], content: bytes) -> Picture[M]:
    """Store an image at the server, which keeps equal bytes once.

    Raises ``ApiError`` and ``ConnectionFailed``.
    """
    return read_picture(session, await session.call("POST", "/v1/uploads", body=content, repeatable=True))
