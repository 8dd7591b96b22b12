"""Picture of an export: read and checked once, marked if that was asked for, with its sums."""

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row

from models.errors import NotFound
from worker.exports.segments import Part, StoredSpan
from worker.images.provenance.digital_source_type import Marking, Provenance, mark, provenance_of
from worker.images.provenance.pieces import Pieces, Span, contents
from worker.storage.store import Store


@dataclass(frozen=True, slots=True)
class Content:
    """A file of an export. ``parts``: its bytes, mostly as they are stored."""

    parts: Sequence[Part]
    size: int
    crc32: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as it is exported. ``problem``: why it is not; then it has no content."""

    asset: Row[Any]
    content: Content | None = None
    data: Sequence[memoryview] = ()  #: the content's bytes, in pieces
    marking: Marking | None = None
    provenance: Provenance = field(default_factory=Provenance)
    problem: str | None = None


async def read_asset(store: Store, asset: Row[Any]) -> bytes | None:
    """Return the stored file of an asset; ``None``: it is missing. Raises ``StorageError``."""
    try:
        return await store.get(asset.key)
    except NotFound:
        return None


def make_picture(asset: Row[Any], data: bytes | None, packet: bytes | None) -> Picture:
    """Return the picture of a stored file; ``packet``: XMP to be inserted. Blocks while it computes sums."""
    if data is None:
        return Picture(asset, problem="its file is missing in the storage")
    view = memoryview(data)
    stored = hashlib.sha256(view).hexdigest()
    if stored != asset.sha256:
        return Picture(asset, problem="its file in the storage is damaged: it has another sha256")
    pieces: Pieces = (Span(0, len(data)),)
    marking = None
    if packet is not None:
        pieces, marking = mark(view, asset.content_type, packet)
    found = list(contents(view, pieces))
    sha256 = stored if marking is not Marking.XMP else _sha256(found)
    crc32 = 0
    for each in found:
        crc32 = zlib.crc32(each, crc32)
    parts = [StoredSpan(asset.key, *each) if isinstance(each, Span) else each for each in pieces]
    content = Content(parts, sum(map(len, found)), crc32, sha256)
    return Picture(asset, content, found, marking, provenance_of(view, asset.content_type))


def _sha256(pieces: Sequence[memoryview]) -> str:
    digest = hashlib.sha256()
    for each in pieces:
        digest.update(each)
    return digest.hexdigest()
