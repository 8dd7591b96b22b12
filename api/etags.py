"""Entity tags: sending nothing to who has it already."""

from starlette.requests import Request


def matches(request: Request, etag: str) -> bool:
    """Tell whether If-None-Match names what we would send (RFC 9110, 13.1.2: weak comparison)."""
    given = ",".join(request.headers.getlist("if-none-match"))
    return any(each.strip().removeprefix("W/") in (etag, "*") for each in given.split(","))
