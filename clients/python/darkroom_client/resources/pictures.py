"""Pictures and other stored images."""

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias, TypeVar

from darkroom_client.documents import Document, as_document, member, optional, required
from darkroom_client.errors import InvalidResponse
from darkroom_client.exchange.operation import Bound, operation
from darkroom_client.exchange.session import Session
from darkroom_client.exchange.transport import Transport

M = TypeVar("M", bound=Transport)
_Bytes: TypeAlias = bytes  # within the class, the name is a method


@dataclass(frozen=True, slots=True)
class Picture(Bound[M]):
    """A stored image. Its ``url`` needs no key; ``id`` may be an input image of further jobs."""

    id: str
    url: str
    content_type: str
    width: int | None
    height: int | None
    size: int  #: in bytes
    sha256: str
    position: int  #: rank among the images of its job, from 0
    problem: str | None  #: why its file can't be had
    document: Document = field(repr=False, compare=False)
    _session: Session[M] = field(repr=False, compare=False)

    @operation
    async def bytes(self, /) -> _Bytes:
        """Return the image, checked by its size and SHA-256. Raises ``DarkroomError``."""
        return await picture_bytes(self)

    @operation
    async def save(self, /, path: str | os.PathLike[str]) -> Path:
        """Write the image to a file, whole or not at all; returns its path.

        Raises ``DarkroomError`` and ``OSError``.
        """
        target = Path(path)
        await self._session.transport.write_file(target, await picture_bytes(self))
        return target


async def picture_bytes(picture: Picture[M]) -> bytes:
    """Return the image, checked by its size and SHA-256. Raises ``DarkroomError``."""
    session = picture._session
    content = (await session.send(session.request("GET", picture.url))).content
    wrong_size = picture.size and len(content) != picture.size
    if wrong_size or (picture.sha256 and hashlib.sha256(content).hexdigest() != picture.sha256):
        raise InvalidResponse(f"The image {picture.url} arrived damaged.")
    return content


def read_picture(session: Session[M], value: object) -> Picture[M]:
    """Return the picture of an asset's document. Raises ``InvalidResponse``."""
    document = as_document(value, "asset")
    return Picture(
        id=required(document, "id"),
        url=required(document, "url"),
        content_type=member(document, "content_type", str, ""),
        width=optional(document, "width", int),
        height=optional(document, "height", int),
        size=member(document, "bytes", int, 0),
        sha256=member(document, "sha256", str, ""),
        position=member(document, "position", int, 0),
        problem=optional(document, "problem", str),
        document=document,
        _session=session,
    )
