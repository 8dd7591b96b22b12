"""HTTP response of a stored image, with ranges, ETag and CORS; shared by the surfaces."""

import re
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from api.services import ApiServices
from api.web.problems import Problem
from api.web.responses import matches_etag
from models.errors import NotFound

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Accept-Ranges, Content-Length, Content-Range, ETag",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


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
    byte_range = _requested_range(request, etag, asset.bytes)
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


def _requested_range(request: Request, etag: str, size: int) -> tuple[int, int] | None:
    """Return start and end of the Range header, or ``None`` for the whole image (RFC 9110, 14.2).

    Raises the 416 problem.
    """
    condition = request.headers.get("if-range")
    found = _RANGE.fullmatch(request.headers.get("range", "").replace(" ", ""))
    if found is None or (condition is not None and condition != etag) or found.group() == "bytes=-":
        return None
    first, last = found[1], found[2]
    if first and last and int(last) < int(first):
        return None
    start = int(first) if first else max(0, size - int(last))
    end = min(size, int(last) + 1) if first and last else size
    if start >= end:
        headers = CORS | {"Content-Range": f"bytes */{size}"}
        raise Problem(416, "range_not_satisfiable", f"The image has {size:,} bytes.", headers=headers)
    return start, end


async def _open_stream(services: ApiServices, key: str, start: int, end: int) -> AsyncIterator[bytes]:
    """Return the image's chunks. The first one is read here, so that a missing object is still a 404."""
    stream = aiter(services.store.stream(key, start, end))
    try:
        first = await anext(stream, b"")
    except NotFound as error:
        raise image_not_found("The file of this image is gone from the storage.") from error
    return _prepend(first, stream)


async def _prepend(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk
