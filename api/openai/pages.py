"""Lists as OpenAI pages them: ``limit`` and ``after`` in the query, ``has_more`` in the answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from models.errors import InvalidRequest

_LONGEST = 9  # digits


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page is wanted. ``after``: the id of the last object of the page before."""

    limit: int
    after: str | None


def read_page(request: Request, *, default: int, most: int) -> PageRequest:
    """Return the page that a query asks for. Raises ``InvalidRequest``."""
    given = request.query_params.get("limit")
    limit = default
    if given:
        if not (given.isascii() and given.isdigit() and len(given) <= _LONGEST and 1 <= int(given) <= most):
            raise InvalidRequest("limit", f"must be a whole number from 1 to {most:,}")
        limit = int(given)
    return PageRequest(limit, request.query_params.get("after") or None)


def page_document(found: Sequence[Mapping[str, Any]], limit: int) -> dict[str, Any]:
    """Return a list; ``found`` has one object more than ``limit`` if others follow."""
    shown = list(found[:limit])
    return {
        "object": "list",
        "data": shown,
        "first_id": shown[0]["id"] if shown else None,
        "last_id": shown[-1]["id"] if shown else None,
        "has_more": len(found) > limit,
    }
