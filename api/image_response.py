"""HTTP response of a stored image, with ranges, ETag and CORS; shared by the surfaces."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from api.services import ApiServices
from api.web.byte_ranges import requested_range
from api.web.problems import Problem
from api.web.responses import matches_etag, prepend
from models.errors import NotFound
from models.operations.thumbnail_keys import CONTENT_TYPE, thumbnail_key

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Accept-Ranges, Content-Length, Content-Range, ETag",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


@dataclass(frozen=True, slots=True)
class ServedImage:
    """A file that is served like an asset: its columns that matter here."""

    key: str
    sha256: str  #: identifies the content
    bytes: int
    content_type: str

    @classmethod
    def thumbnail(cls, asset: Any, side: int, size: int) -> "ServedImage":
        """Return a thumbnail of an asset: the pixels of its longer side, and its bytes."""
        return cls(thumbnail_key(asset.key, side), f"{asset.sha256}-{side}-{size}", size, CONTENT_TYPE)


async def image_response(request: Request, services: ApiServices, asset: Any) -> Response:
    """Return the response with an image or the requested range. Raises ``Problem`` and ``StorageError``."""
    etag = f'"{asset.sha256}"'
    headers = CORS | {
        "ETag": etag,
        "Cache-Control": "public, max-age=31536000, immutable",
        "Accept-Ranges": "bytes",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    if matches_etag(request, etag):
        return Response(status_code=304, headers=headers)
    byte_range = requested_range(request, etag, asset.bytes, headers=CORS)
    start, end = (0, asset.bytes) if byte_range is None else byte_range
    if byte_range is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{asset.bytes}"
    headers |= {"Content-Length": str(end - start), "Content-Type": asset.content_type}
    status = 200 if byte_range is None else 206
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    body = await _open_stream(services, asset.key, start, end)
    return StreamingResponse(body, status, headers=headers)


def image_not_found(detail: str = "There is no image at this address.") -> Problem:
    """Return the 404 problem of an image."""
    return Problem(404, "not_found", detail, headers=CORS)


async def _open_stream(services: ApiServices, key: str, start: int, end: int) -> AsyncIterator[bytes]:
    """Return the image's chunks. The first one is read here, so that a missing object is still a 404."""
    stream = aiter(services.store.stream(key, start, end))
    try:
        first = await anext(stream, b"")
    except NotFound as error:
        raise image_not_found("The file of this image is gone from the storage.") from error
    return prepend(first, stream)
