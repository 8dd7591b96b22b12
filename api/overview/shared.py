"""Figures that many requests ask for: read once every few seconds for all of them."""

from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from typing import Any, TypeVar, cast
from uuid import UUID

from starlette.requests import Request

from api.services import services_of
from api.shared_result import SharedResult

_MOST = 1000  # results of callers that are kept
_LONG, _STALE = 5.0, 4.0  # figures that are fresh for so many seconds stay usable for four times as long
T = TypeVar("T")


async def read_shared(
    request: Request,
    scope: UUID | None,
    fresh: float,
    read: Callable[..., Awaitable[T]],
    *arguments: Hashable,
) -> T:
    """Return what ``read(services, scope, *arguments)`` returns for a caller, at most ``fresh`` seconds old.

    ``scope``: the caller whose jobs are meant; none: all. Later it is returned once more while it is
    read again, so that no request waits: up to five times as old.
    """
    state = request.app.state
    if not hasattr(state, "shared_figures"):
        state.shared_figures = {}
    results: dict[Any, SharedResult[Any]] = state.shared_figures
    key = read, scope, arguments
    if key not in results:
        if len(results) >= _MOST:
            results.clear()
        reading = partial(read, services_of(request), scope, *arguments)
        stale = _STALE * fresh if fresh >= _LONG else 0.0
        results[key] = SharedResult(reading, fresh=fresh, stale=stale)
    return cast(T, await results[key].value())
