"""Waiting out outages of the database: what has to be read or written is tried until it works."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from models.database import OUTAGES

_FIRST, _LONGEST = 0.1, 5.0  # seconds between two tries
_log = structlog.get_logger()
T = TypeVar("T")


async def retry_while_database_away(what: str, do: Callable[[], Awaitable[T]]) -> T:
    """Do it, again and again while the database is away; ``what`` is said in the log."""
    pause = _FIRST
    while True:
        try:
            return await do()
        except OUTAGES as error:
            _log.error(f"{what}; it is tried again", error=str(error)[:300])
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST)
