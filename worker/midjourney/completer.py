"""Complete Midjourney tasks whose jobs are all done, once each, whichever worker does it."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta
from time import monotonic
from typing import Any

import structlog
from sqlalchemy import Row

from models.errors import DatabaseAway
from models.queries.midjourney.completion import any_task_ready, claim_ready_tasks
from worker.database_retry import run_forever
from worker.midjourney.completion import complete_task
from worker.midjourney.notify_hook import NotifyHookProgress
from worker.midjourney.timeouts import expire_dialogs, fail_late_task, fail_stuck_task, still_claimed
from worker.services import WorkerServices

_BATCH = 16
_MAX_CONCURRENT = 2  # grids composed at the same time: each holds several images in memory
_LOAD_FACTOR = 4  # the interval is at least so many times the duration of a round's queries …
_MAX_INTERVAL = 2.0  # … but no longer than this: seconds
_RETRY_DELAYS = (1.0, 5.0)  # seconds after an unexpected failure
_EXPIRY_INTERVAL = 30.0  # seconds between checks for expired dialogs
_log = structlog.get_logger()


class TaskCompleter:
    """Completes tasks on a timer: many jobs end at once, few tasks do.

    ``enqueued`` is set when a webhook message was written.
    """

    def __init__(self, services: WorkerServices, halt: asyncio.Event, enqueued: asyncio.Event) -> None:
        self._services, self._halt, self._enqueued = services, halt, enqueued
        # a worker that is silent for longer counts as dead, and others claim its tasks
        self._claim = timedelta(seconds=services.settings.worker_timeout)
        self._slots = asyncio.Semaphore(_MAX_CONCURRENT)
        self._progress = NotifyHookProgress(services)
        self._query_seconds = 0.0  # of the last round
        self._expiry_checked = 0.0  # monotonic time

    async def run(self) -> None:
        """Run rounds until cancelled, also through database outages."""
        await run_forever(self.run_round, self._pause, name="Midjourney task completer")

    async def _pause(self) -> None:
        interval = min(_LOAD_FACTOR * self._query_seconds, _MAX_INTERVAL)
        await asyncio.sleep(max(self._services.settings.dispatch_interval, interval))

    async def run_round(self) -> None:
        """Enqueue progress messages, expire dialogs, and complete all tasks that are ready."""
        began = monotonic()
        await self._enqueue(self._progress.enqueue_changes())
        self._query_seconds = monotonic() - began
        if began - self._expiry_checked > _EXPIRY_INTERVAL:
            self._expiry_checked = began
            await self._enqueue(expire_dialogs(self._services))
        while not self._halt.is_set():
            tasks = await self._claim_ready()
            await asyncio.gather(*(self._complete(task) for task in tasks))
            if len(tasks) < _BATCH:
                return

    async def _claim_ready(self) -> list[Row[Any]]:
        at, began = self._services.clock(), monotonic()
        async with self._services.database.reading() as connection:
            ready = await any_task_ready(connection, at=at)
        self._query_seconds += monotonic() - began
        if not ready:
            return []
        async with self._services.database.writing() as connection:
            return list(await claim_ready_tasks(connection, at=at, until=at + self._claim, limit=_BATCH))

    async def _enqueue(self, step: Awaitable[bool]) -> None:
        """Run a step that returns whether it has written webhook messages."""
        try:
            if await step:
                self._enqueued.set()
        except DatabaseAway:
            raise
        except Exception:  # noqa: BLE001 - one broken task must not keep the others from ending
            _log.exception("no webhook messages for Midjourney tasks; it is tried again")

    async def _complete(self, task: Row[Any]) -> None:
        """Complete a task; one that raises on each try is failed."""
        async with self._slots:
            for delay in (*_RETRY_DELAYS, None):
                try:
                    enqueued = await complete_task(self._services, task)
                    enqueued = enqueued or await fail_late_task(self._services, task)
                except DatabaseAway:
                    raise
                except Exception as error:  # noqa: BLE001 - one broken task must not keep the others from ending
                    then = "it fails" if delay is None else "it is tried again"
                    _log.exception(f"a Midjourney task could not end; {then}", task=task.id)
                    if delay is not None:
                        await self._services.sleep(delay)
                        if await still_claimed(self._services, task):
                            continue
                        return
                    enqueued = await self._fail(task, type(error).__name__)
                if enqueued:
                    self._enqueued.set()
                return

    async def _fail(self, task: Row[Any], problem: str) -> bool:
        try:
            return await fail_stuck_task(self._services, task, problem)
        except DatabaseAway:
            raise
        except Exception:  # noqa: BLE001 - as above; it is claimed again when its claim ends
            _log.exception("a Midjourney task can't even fail", task=task.id)
            return False
