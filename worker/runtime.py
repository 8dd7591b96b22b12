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
from worker.broker import delete_queue, queue_of
from worker.event_loop import LoopThread
from worker.group_commit import GroupCommit
from worker.in_flight import InFlightJobs
from worker.maintenance.heartbeat import Heartbeat
from worker.midjourney.completer import TaskCompleter
from worker.scheduler.dispatcher import Dispatcher
from worker.services import WorkerServices, build_services
from worker.tasks.context import TaskContext
from worker.tasks.generate import generate
from worker.tasks.resume import resume_chunk
from worker.webhooks.context import WebhookContext, open_context
from worker.webhooks.delivery import deliver
from worker.webhooks.dispatcher import DeliveryDispatcher

_log = structlog.get_logger()


class WorkerRuntime:
    """What Celery's tasks call. Everything inside runs on one loop."""

    def __init__(self, settings: Settings, app: Celery) -> None:
        self._settings, self._app = settings, app
        self.worker_id = new_id()
        self.lane = queue_of(self.worker_id.hex)
        self._loop = LoopThread("darkroom-loop")
        self._tasks: list[asyncio.Task[None]] = []
        self._bench: TaskContext
        self._heartbeat: Heartbeat
        self._office: WebhookContext
        self._courier: DeliveryDispatcher

    def start(self) -> None:
        """Open everything and begin to look for work."""
        _log.info("worker starts", worker=str(self.worker_id))
        self._loop.start()
        self._loop.run(self._open())
        gc.collect()
        gc.freeze()  # what was imported stays: the cycle collector need not look at it again and again

    def wake(self) -> None:
        """Look for due jobs and webhooks now."""
        self._loop.loop.call_soon_threadsafe(self._bench.in_flight.freed.set)
        self._loop.loop.call_soon_threadsafe(self._office.in_flight.rung.set)

    def generate(self, job_ids: Sequence[str], lease: str) -> None:
        """Develop a chunk; returns when all of it is done."""
        self._work(generate(self._bench, [UUID(key) for key in job_ids], UUID(lease)))

    def store(self, job_ids: Sequence[str], lease: str) -> None:
        """Bring the pictures of a chunk home; returns when all of it is done."""
        self._work(resume_chunk(self._bench, [UUID(key) for key in job_ids], UUID(lease)))

    def notify(self, delivery_ids: Sequence[str], token: str) -> None:
        """Send a chunk of webhooks, without waiting: a receiver that hangs must not hold a thread of Celery.

        A worker that stops gives them back instead.
        """
        if not self._bench.in_flight.halt.is_set():
            self._loop.begin(deliver(self._office, [UUID(key) for key in delivery_ids], UUID(token)))

    def halt(self) -> None:
        """Start nothing new; what has not been sent is handed back. Running calls go on."""
        self._loop.loop.call_soon_threadsafe(self._bench.in_flight.halt.set)

    def stop(self, grace: float) -> None:
        """Give running calls ``grace`` seconds, then leave; what was cut off follows its job's policy."""
        self._loop.run(self._close(grace))
        self._loop.stop()

    def _work(self, work: Coroutine[Any, Any, None]) -> None:
        """Wait until work is done. What comes when this worker has stopped is left to others."""
        with suppress(CancelledError):
            self._loop.run(work)

    async def _open(self) -> None:
        services = build_services(self._settings)
        await services.store.check()
        async with services.database.writing() as connection:
            await sync_channels(connection, self._settings.all_channels(), services.clock())
        self._bench = TaskContext(
            services,
            InFlightJobs(self._settings.worker_slots),
            GroupCommit(services.database),
            self.worker_id,
        )
        self._heartbeat = Heartbeat(self._bench, self._row(services), self._delete_queue)
        await self._heartbeat.beat()
        self._bench.group_commit.start()
        self._office = open_context(services, self._bench.group_commit.told)
        self._courier = DeliveryDispatcher(self._office, self._publish, self._bench.in_flight.halt)
        dispatcher = Dispatcher(services, self._bench.in_flight, self.worker_id, self._publish)
        self._tasks = [
            asyncio.create_task(dispatcher.run(), name="dispatcher"),
            asyncio.create_task(self._heartbeat.run(), name="heartbeat"),
            asyncio.create_task(self._courier.run(), name="courier"),
            asyncio.create_task(
                TaskCompleter(services, self._bench.in_flight.halt, self._bench.group_commit.told).run(),
                name="finisher",
            ),
        ]

    def _row(self, services: WorkerServices) -> dict[str, object]:
        return {
            "id": self.worker_id,
            "name": f"{socket.gethostname()}-{os.getpid()}",
            "version": version("darkroom"),
            "slots": self._settings.worker_slots,
            "started_at": services.clock(),
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

    async def _delete_queue(self, worker_id: UUID) -> None:
        """Delete the queue that only this worker read."""
        await asyncio.to_thread(delete_queue, self._app, queue_of(worker_id.hex))

    async def _close(self, grace: float) -> None:
        in_flight = self._bench.in_flight
        in_flight.halt.set()
        working = {task for task in in_flight.jobs.values() if task} | self._office.in_flight.tasks
        if working:
            await asyncio.wait(working, timeout=grace)
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
        for background in self._tasks:
            background.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._bench.group_commit.stop()
        try:
            async with asyncio.timeout(5):
                await self._heartbeat.leave()
                await self._courier.leave()
        except Exception as error:  # noqa: BLE001 - a process edge: the reaper does the same later
            _log.warning(
                "the worker could not say goodbye; others take over when it is missed", error=str(error)
            )
        await self._office.close()
        await self._bench.services.close()
