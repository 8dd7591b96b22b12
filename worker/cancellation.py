"""The end of background tasks."""

import asyncio
from typing import Any


async def cancel_and_wait(*tasks: asyncio.Future[Any]) -> None:
    """Cancel tasks and wait until they have ended, whatever they raise.

    A cancellation of the caller meanwhile is raised, which ``suppress(CancelledError)`` around ``await task``
    would lose.
    """
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
