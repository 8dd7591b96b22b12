"""The finisher: looks in every worker for tasks whose jobs are all done, and ends each once."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from time import monotonic
from typing import Any

import structlog
from sqlalchemy import Row

from models.database import OUTAGES
from models.queries.midjourney.completion import any_ready, claim_ready
from worker.database_retry import run_forever
from worker.midjourney.completion import complete_task
from worker.midjourney.notify_hook import NotifyHookSender
from worker.midjourney.timeouts import expire_dialogs, fail_late_task, fail_stuck_task, still_claimed
from worker.services import WorkerServices

_BATCH = 16
_AT_ONCE = 2  # grids composed side by side: each holds some pictures in memory
_SHARE = 4  # a look may take one part in so many of the time …
_LONGEST = 2.0  # … but in a busy moment, too, finished pictures wait no longer: seconds
_PAUSES = (1.0, 5.0)  # seconds until a task is tried again that could not end for no known reason
_TIMEOUT_INTERVAL = 30.0  # seconds between looks for dialogs that nobody goes on with
_log = structlog.get_logger()


class TaskCompleter:
    """Looks for tasks that can end on a timer: many jobs end at once, few tasks do.

    ``told`` is set when there is a webhook to send.
    """

    def __init__(self, services: WorkerServices, halt: asyncio.Event, told: asyncio.Event) -> None:
        self._tools, self._halt, self._told = services, halt, told
        self._claim = timedelta(
            seconds=services.settings.worker_timeout
        )  # then others take this one for lost
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._teller = NotifyHookSender(services)
        self._took = 0.0  # seconds of the last look
        self._lapsed = 0.0  # when dialogs were looked at last

    async def run(self) -> None:
        """Look again and again until cancelled; outages of the database are waited out."""
        await run_forever(self.run_round, self._pause, name="Midjourney task completer")

    async def _pause(self) -> None:
        rest = min(_SHARE * self._took, _LONGEST)
        await asyncio.sleep(max(self._tools.settings.dispatch_interval, rest))

    async def run_round(self) -> None:
        """Tell of all that went on, and end all tasks that can end."""
        began = monotonic()
        await self._tell(self._teller.enqueue_changes())
        self._took = monotonic() - began
        if began - self._lapsed > _TIMEOUT_INTERVAL:
            self._lapsed = began
            await self._tell(expire_dialogs(self._tools))
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

    async def _tell(self, step: Awaitable[bool]) -> None:
        """Take a step that may tell somebody something."""
        try:
            if await step:
                self._told.set()
        except OUTAGES:
            raise
        except Exception:  # noqa: BLE001 - one odd task must not keep the others from ending
            _log.exception("Midjourney tasks could not be told of; it is tried again")

    async def _end(self, task: Row[Any]) -> None:
        """End a task; one that can't end as it should is a failure after some tries."""
        async with self._room:
            for pause in (*_PAUSES, None):
                try:
                    told = await complete_task(self._tools, task) or await fail_late_task(self._tools, task)
                except OUTAGES:
                    raise
                except Exception as error:  # noqa: BLE001 - one odd task must not keep the others from ending
                    again = "it is given up" if pause is None else "it is tried again"
                    _log.exception(f"a Midjourney task could not end; {again}", task=task.id)
                    if pause is not None:
                        await self._tools.sleep(pause)
                        if await still_claimed(self._tools, task):
                            continue
                        return
                    told = await fail_stuck_task(self._tools, task, type(error).__name__)
                if told:
                    self._told.set()
                return
