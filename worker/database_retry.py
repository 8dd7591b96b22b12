"""Retry while the database is away: one operation until it works, or a worker's loop round after round."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from models.errors import DatabaseAway

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0  # seconds between two tries of one operation
_PAUSE_AFTER_FAILURE = 0.5  # seconds that a failed round adds to the pause before the next one
_log = structlog.get_logger()
T = TypeVar("T")


async def retry_while_database_away(failure: str, operation: Callable[[], Awaitable[T]]) -> T:
    """Run an operation until the database answers; ``failure`` is what the log says of each failed try."""
    pause = _FIRST_PAUSE
    while True:
        try:
            return await operation()
        except DatabaseAway as error:
            _log.error(f"{failure}; it is tried again", error=str(error)[:300])
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)


async def run_forever(
    step: Callable[[], Awaitable[None]],
    pause: Callable[[], Awaitable[None]],
    *,
    name: str,
    pause_after_failure: float = _PAUSE_AFTER_FAILURE,
) -> None:
    """Run ``step`` and then ``pause``, round after round, until cancelled.

    A round that fails is logged under ``name``, and the next one comes ``pause_after_failure`` seconds later
    than usual: neither an outage of the database nor a defect ends a worker's loop.
    """
    while True:
        try:
            await step()
        except DatabaseAway as error:
            _log.error("the database is away; the loop tries again", loop=name, error=str(error)[:300])
            await asyncio.sleep(pause_after_failure)
        except Exception:  # noqa: BLE001 - the edge of a loop that runs unattended: the next round may succeed
            _log.exception("a round failed; the loop tries again", loop=name)
            await asyncio.sleep(pause_after_failure)
        await pause()


async def wait_for_wake_up(event: asyncio.Event, timeout: float) -> None:
    """Wait until the event is set, at most ``timeout`` seconds, and clear it."""
    try:
        async with asyncio.timeout(timeout):
            await event.wait()
    except TimeoutError:
        pass
    event.clear()
