"""A stored picture, or a part of it, as an answer of HTTP."""

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
    """Send a picture, or the part that was asked for. Raises ``Problem`` and ``StorageError``."""
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
    span = _span(request, etag, asset.bytes)
    start, end = (0, asset.bytes) if span is None else span
    if span is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{asset.bytes}"
    headers |= {"Content-Length": str(end - start), "Content-Type": asset.content_type}
    status = 200 if span is None else 206
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    body = await _opened(services, asset.key, start, end)
    return StreamingResponse(body, status, headers=headers)


def image_not_found() -> Problem:
    """Make the problem for a picture that is not there."""
    return Problem(404, "not_found", "There is no picture at this address.", headers=CORS)


def _span(request: Request, etag: str, size: int) -> tuple[int, int] | None:
    """Return the part asked for, or ``None`` for all of it. Raises the 416 problem (RFC 9110, 14.2)."""
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
        raise Problem(416, "range_not_satisfiable", f"The picture has {size:,} bytes.", headers=headers)
    return start, end


async def _opened(services: ApiServices, key: str, start: int, end: int) -> AsyncIterator[bytes]:
    """Read the first chunk before anything is sent: then a missing object is still a 404."""
    stream = aiter(services.store.stream(key, start, end))
    try:
        first = await anext(stream, b"")
    except NotFound as error:
        raise image_not_found() from error
    return _chained(first, stream)


async def _chained(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk
