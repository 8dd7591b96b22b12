"""Figures that many pages show: read once every few seconds by one page for all."""

from collections.abc import Awaitable, Callable, Hashable
from typing import TypeVar

from api.dashboard.page import PageView
from api.overview.shared import read_shared

T = TypeVar("T")


async def shared(view: PageView, fresh: float, read: Callable[..., Awaitable[T]], *arguments: Hashable) -> T:
    """Return what ``read(services, scope, *arguments)`` returns, as ``read_shared`` does."""
    return await read_shared(view.request, view.caller.scope, fresh, read, *arguments)
