"""One worker: its tools, its loop, and what runs on it."""

import asyncio
import gc
import os
import socket
from collections.abc import Coroutine, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from importlib.metadata import version
from typing import Any
from uuid import UUID

import structlog
from celery import Celery

from models.ids import new_id
from models.queries.channels import sync_channels
from models.settings import Settings
from worker.broker import delete_lane, lane_of
from worker.event_loop import LoopThread
from worker.group_commit import Writer
from worker.in_flight import Hand
from worker.maintenance.heartbeat import Heartbeat
from worker.midjourney.completer import Finisher
from worker.scheduler.dispatcher import Dispatcher
from worker.services import Tools, build_tools
from worker.tasks.context import Workbench
from worker.tasks.generate import generate
from worker.tasks.resume import store
from worker.webhooks.context import Office, open_office
from worker.webhooks.delivery import deliver
from worker.webhooks.dispatcher import Courier

_log = structlog.get_logger()


class WorkerCore:
    """What Celery's tasks call. Everything inside runs on one loop."""

    def __init__(self, settings: Settings, app: Celery) -> None:
        self._settings, self._app = settings, app
        self.worker_id = new_id()
        self.lane = lane_of(self.worker_id.hex)
        self._loop = LoopThread("darkroom-loop")
        self._tasks: list[asyncio.Task[None]] = []
        self._bench: Workbench
        self._heartbeat: Heartbeat
        self._office: Office
        self._courier: Courier

    def start(self) -> None:
        """Open everything and begin to look for work."""
        _log.info("worker starts", worker=str(self.worker_id))
        self._loop.start()
        self._loop.run(self._open())
        gc.collect()
        gc.freeze()  # what was imported stays: the cycle collector need not look at it again and again

    def wake(self) -> None:
        """Look for due jobs and webhooks now."""
        self._loop.loop.call_soon_threadsafe(self._bench.hand.freed.set)
        self._loop.loop.call_soon_threadsafe(self._office.outgoing.rung.set)

    def generate(self, job_ids: Sequence[str], lease: str) -> None:
        """Develop a chunk; returns when all of it is done."""
        self._work(generate(self._bench, [UUID(key) for key in job_ids], UUID(lease)))

    def store(self, job_ids: Sequence[str], lease: str) -> None:
        """Bring the pictures of a chunk home; returns when all of it is done."""
        self._work(store(self._bench, [UUID(key) for key in job_ids], UUID(lease)))

    def notify(self, delivery_ids: Sequence[str], token: str) -> None:
        """Send a chunk of webhooks, without waiting: a receiver that hangs must not hold a thread of Celery.

        A worker that stops gives them back instead.
        """
        if not self._bench.hand.halt.is_set():
            self._loop.begin(deliver(self._office, [UUID(key) for key in delivery_ids], UUID(token)))

    def halt(self) -> None:
        """Start nothing new; what has not been sent is handed back. Running calls go on."""
        self._loop.loop.call_soon_threadsafe(self._bench.hand.halt.set)

    def stop(self, grace: float) -> None:
        """Give running calls ``grace`` seconds, then leave; what was cut off follows its job's policy."""
        self._loop.run(self._close(grace))
        self._loop.stop()

    def _work(self, work: Coroutine[Any, Any, None]) -> None:
        """Wait until work is done. What comes when this worker has stopped is left to others."""
        with suppress(CancelledError):
            self._loop.run(work)

    async def _open(self) -> None:
        tools = build_tools(self._settings)
        await tools.store.check()
        async with tools.database.writing() as connection:
            await sync_channels(connection, self._settings.all_channels(), tools.clock())
        self._bench = Workbench(
            tools, Hand(self._settings.worker_slots), Writer(tools.database), self.worker_id
        )
        self._heartbeat = Heartbeat(self._bench, self._row(tools), self._forget_lane)
        await self._heartbeat.beat_once()
        self._bench.writer.start()
        self._office = open_office(tools, self._bench.writer.told)
        self._courier = Courier(self._office, self._publish, self._bench.hand.halt)
        dispatcher = Dispatcher(tools, self._bench.hand, self.worker_id, self._publish)
        self._tasks = [
            asyncio.create_task(dispatcher.run(), name="dispatcher"),
            asyncio.create_task(self._heartbeat.run(), name="heartbeat"),
            asyncio.create_task(self._courier.run(), name="courier"),
            asyncio.create_task(
                Finisher(tools, self._bench.hand.halt, self._bench.writer.told).run(), name="finisher"
            ),
        ]

    def _row(self, tools: Tools) -> dict[str, object]:
        return {
            "id": self.worker_id,
            "name": f"{socket.gethostname()}-{os.getpid()}",
            "version": version("darkroom"),
            "slots": self._settings.worker_slots,
            "started_at": tools.clock(),
            "stopping_at": None,
        }

    async def _publish(self, task: str, job_ids: Sequence[UUID], lease: UUID) -> bool:
        """Send a hint to ourselves; return whether the broker took it."""
        try:
            await asyncio.to_thread(
                self._app.send_task,
                task,
                args=([key.hex for key in job_ids], lease.hex),
                queue=self.lane,
                expires=120,
                retry=False,
                ignore_result=True,
            )
        except Exception as error:  # noqa: BLE001 - the broker's edge: kombu lets through what its transports raise
            _log.error("the broker took no message; the jobs go back to the queue", error=str(error)[:300])
            return False
        return True

    async def _forget_lane(self, worker_id: UUID) -> None:
        """Delete the queue that only this worker read."""
        await asyncio.to_thread(delete_lane, self._app, lane_of(worker_id.hex))

    async def _close(self, grace: float) -> None:
        hand = self._bench.hand
        hand.halt.set()
        working = {task for task in hand.jobs.values() if task} | self._office.outgoing.tasks
        if working:
            await asyncio.wait(working, timeout=grace)
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
        for background in self._tasks:
            background.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._bench.writer.stop()
        try:
            async with asyncio.timeout(5):
                await self._heartbeat.leave()
                await self._courier.leave()
        except Exception as error:  # noqa: BLE001 - a process edge: the reaper does the same later
            _log.warning(
                "the worker could not say goodbye; others take over when it is missed", error=str(error)
            )
        await self._office.close()
        await self._bench.tools.close()
