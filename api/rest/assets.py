"""Stored pictures: what is known of them, and their bytes."""

import re
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from api.answers import JsonAnswer
from api.auth import authenticate
from api.problems import Problem, not_found
from api.rest.etags import matches
from api.services import Services, services_of
from api.views import asset_page
from models.errors import NotFound
from models.ids import parse_id
from models.queries.assets import find_asset, find_asset_by_token

_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,64}")
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Accept-Ranges, Content-Length, Content-Range, ETag",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


async def get_asset(request: Request) -> Response:
    """Describe a picture."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    asset_id = parse_id("asset", request.path_params["asset_id"])
    async with services.database.reading() as connection:
        row = await find_asset(connection, asset_id, caller_id=caller.id)
    if row is None:
        raise not_found(f"There is no asset {request.path_params['asset_id']!r}.")
    return JsonAnswer(asset_page(row, public_url=services.public_url))


async def preflight(request: Request) -> Response:
    """Let pages of any origin ask for parts of pictures."""
    allowed = {
        "Access-Control-Allow-Methods": "GET, HEAD",
        "Access-Control-Allow-Headers": "Range, If-Range, If-None-Match",
        "Access-Control-Max-Age": "86400",
        "Allow": "GET, HEAD, OPTIONS",
    }
    return Response(status_code=204, headers=CORS | allowed)


async def get_picture(request: Request) -> Response:
    """Send a picture, or a part of it. Its address is the permission."""
    services = services_of(request)
    asset = await _find(services, request.path_params["token"], request.path_params["name"])
    etag = f'"{asset.sha256}"'
    headers = CORS | {
        "ETag": etag,
        "Cache-Control": "public, max-age=31536000, immutable",
        "Accept-Ranges": "bytes",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    if matches(request, etag):
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


async def _find(services: Services, token: str, name: str) -> Any:
    asset = None
    if _TOKEN.fullmatch(token):
        async with services.database.reading() as connection:
            asset = await find_asset_by_token(connection, token)
    if asset is None or name != f"{asset.position}.{asset.extension}":
        raise _gone()
    return asset


def _gone() -> Problem:
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


async def _opened(services: Services, key: str, start: int, end: int) -> AsyncIterator[bytes]:
    """Read the first chunk before anything is sent: then a missing object is still a 404."""
    stream = aiter(services.store.stream(key, start, end))
    try:
        first = await anext(stream, b"")
    except NotFound as error:
        raise _gone() from error
    return _chained(first, stream)


async def _chained(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk
