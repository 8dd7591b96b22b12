"""Figures that many pages show: read once every few seconds by one page for all."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar, cast
from uuid import UUID

from api.dashboard.page import PageView
from api.services import ApiServices
from api.shared_result import SharedResult

_MOST = 1000  # results of callers that are kept
T = TypeVar("T")


async def shared(view: PageView, fresh: float, read: Callable[[ApiServices, UUID | None], Awaitable[T]]) -> T:
    """Return what ``read`` returns for the scope of a caller, at most ``fresh`` seconds old."""
    state = view.request.app.state
    if not hasattr(state, "dashboard_results"):
        state.dashboard_results = {}
    results: dict[Any, SharedResult[Any]] = state.dashboard_results
    key = read, view.caller.scope
    if key not in results:
        if len(results) >= _MOST:
            results.clear()
        results[key] = SharedResult(partial(read, view.services, view.caller.scope), fresh=fresh)
    return cast(T, await results[key].value())
