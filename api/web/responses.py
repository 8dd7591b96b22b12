"""JSON responses, streams that begin with a chunk that was read, and entity tags."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response


class JsonResponse(Response):
    """JSON response, serialized by orjson."""

    media_type = "application/json"

    def __init__(self, content: Any, status: int = 200, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(content, status, dict(headers) if headers else None)

    def render(self, content: Any) -> bytes:
        """Serialize the content; bytes are JSON already."""
        return content if isinstance(content, bytes) else orjson.dumps(content)


async def prepend(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield a chunk that was read before the response began, so that its failure is one, and the rest."""
    yield first
    async for chunk in rest:
        yield chunk


def matches_etag(request: Request, etag: str) -> bool:
    """Return whether If-None-Match has this entity tag (RFC 9110, 13.1.2: weak comparison)."""
    given = ",".join(request.headers.getlist("if-none-match"))
    return any(each.strip().removeprefix("W/") in (etag, "*") for each in given.split(","))
