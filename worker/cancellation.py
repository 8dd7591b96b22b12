"""The end of background tasks."""

import asyncio
from typing import Any

_AGAIN = 2.0  # seconds after which a task that has not ended is cancelled again


async def cancel_and_wait(*tasks: asyncio.Future[Any], again: float = _AGAIN) -> None:
    """Cancel tasks and wait until they have ended, whatever they raise.

    A task may miss a cancellation: before Python 3.12 ``asyncio.wait_for``, by which database drivers wait,
    returns its result if both come at once (github.com/python/cpython/issues/86296). So it is cancelled
    again every ``again`` seconds. A cancellation of the caller meanwhile is raised.
    """
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        done, pending = await asyncio.wait(pending, timeout=again)
        for task in done:
            if not task.cancelled():
                task.exception()  # asyncio logs those that nobody has looked at
