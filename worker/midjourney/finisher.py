"""The finisher: looks in every worker for tasks whose jobs are all done, and ends each once."""

import asyncio
from datetime import timedelta
from time import monotonic
from typing import Any

import structlog
from sqlalchemy import Row
from sqlalchemy.exc import SQLAlchemyError

from models.queries.midjourney_endings import any_ready, claim_ready
from worker.midjourney.ending import end
from worker.midjourney.hooks import tell_progress
from worker.midjourney.lapse import lapse
from worker.tools import Tools

_BATCH = 16
_AT_ONCE = 2  # grids composed side by side: each holds some pictures in memory
_SHARE = 4  # a look may take one part in so many of the time …
_LONGEST = 2.0  # … but in a busy moment, too, finished pictures wait no longer: seconds
_LAPSES = 30.0  # seconds between looks for dialogs that nobody goes on with
_log = structlog.get_logger()


class Finisher:
    """Looks for tasks that can end on a timer: many jobs end at once, few tasks do.

    ``told`` is set when there is a webhook to send.
    """

    def __init__(self, tools: Tools, halt: asyncio.Event, told: asyncio.Event) -> None:
        self._tools, self._halt, self._told = tools, halt, told
        self._claim = timedelta(seconds=tools.settings.worker_timeout)  # then others take this one for lost
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._took = 0.0  # seconds of the last look
        self._lapsed = 0.0  # when dialogs were looked at last

    async def run(self) -> None:
        """Look again and again until cancelled; outages of the database are waited out."""
        while True:
            try:
                await self.look()
            except (SQLAlchemyError, OSError) as error:
                _log.error("Midjourney tasks wait for the database", error=str(error)[:300])
            except Exception:  # noqa: BLE001 - nobody watches at night: the next round comes
                _log.exception("a look at Midjourney tasks failed; it is tried again")
            rest = min(_SHARE * self._took, _LONGEST)
            await asyncio.sleep(max(self._tools.settings.dispatch_interval, rest))

    async def look(self) -> None:
        """Tell of all that went on, and end all tasks that can end."""
        began = monotonic()
        if await tell_progress(self._tools):
            self._told.set()
        self._took = monotonic() - began
        if began - self._lapsed > _LAPSES:
            self._lapsed = began
            if await lapse(self._tools):
                self._told.set()
        while not self._halt.is_set():
            tasks = await self._claimed()
            await asyncio.gather(*(self._end(task) for task in tasks))
            if len(tasks) < _BATCH:
                return

    async def _claimed(self) -> list[Row[Any]]:
        at, began = self._tools.clock(), monotonic()
        async with self._tools.database.reading() as connection:
            ready = await any_ready(connection, at=at)
        self._took += monotonic() - began
        if not ready:
            return []
        async with self._tools.database.writing() as connection:
            return list(await claim_ready(connection, at=at, until=at + self._claim, limit=_BATCH))

    async def _end(self, task: Row[Any]) -> None:
        async with self._room:
            try:
                if await end(self._tools, task):
                    self._told.set()
            except (SQLAlchemyError, OSError):
                raise
            except Exception:  # noqa: BLE001 - one odd task must not keep the others from ending
                _log.exception("a Midjourney task could not end; it is tried again", task=task.id)
