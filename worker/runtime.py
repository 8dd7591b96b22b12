"""Worker runtime: opens the services, starts the loops, runs the tasks, and stops gracefully."""

import asyncio
import gc
import os
import socket
from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial
from importlib.metadata import version
from typing import Any
from uuid import UUID

import structlog
from celery import Celery

from models.ids import new_id
from models.queries.database_time import set_clock
from models.settings import Settings
from worker.alerts.watch import AlertWatch
from worker.archive.writer import Archiver
from worker.broker.celery_app import GENERATE, STORE, delete_queue, queue_of
from worker.broker.chunk_messages import ChunkMessages
from worker.broker.sender import Sender
from worker.bulk.job_action_runner import JobActionRunner
from worker.campaigns.action_runner import ActionRunner
from worker.campaigns.controller import CampaignController
from worker.checks.examiner import Examiner
from worker.checks.vision_decisions import VisionDecider
from worker.event_loop import LoopThread
from worker.exports.exporter import Exporter
from worker.group_commit import GroupCommit
from worker.images.allocator import return_large_blocks
from worker.in_flight import InFlightJobs
from worker.maintenance.channel_registration import fingerprints_of
from worker.maintenance.heartbeat import Heartbeat
from worker.maintenance.process_locks import ProcessLocks, lock_folder
from worker.maintenance.storage_sweep import StorageSweep
from worker.metrics.labels import MODELS
from worker.metrics.process_metrics import measure_lag
from worker.midjourney.completer import TaskCompleter
from worker.retention.pruner import RetentionPruner
from worker.scheduler.dispatcher import Dispatcher
from worker.services import WorkerServices, build_services
from worker.tasks.context import TaskContext
from worker.tasks.generate import generate_chunk
from worker.tasks.resume import resume_chunk
from worker.traces.sink import open_sink
from worker.traces.writer import TraceWriter
from worker.webhooks.context import WebhookContext, open_context
from worker.webhooks.delivery import start_delivery
from worker.webhooks.dispatcher import DeliveryDispatcher

_WRITE_TIMEOUT = 5.0  # seconds at shutdown to write results, and to release jobs: the steps that matter most
_GC_THRESHOLDS = (50_000, 20, 20)  # calls leave few cycles: the default of 700 objects costs a tenth of a job
_STEP_TIMEOUT = 2.0  # seconds for each other step; together they are done 20 s after the grace
_log = structlog.get_logger()


class WorkerRuntime:
    """What Celery's tasks call. Everything inside runs on one event loop, in a thread of its own."""

    def __init__(self, settings: Settings, app: Celery, stop: Callable[[], None] | None = None) -> None:
        """``stop``: stops this process, when a person asks the worker to; ``None``: it can't be asked."""
        self._settings, self._app, self._stop_process = settings, app, stop
        self.worker_id, self.slots = new_id(), settings.worker_slots
        self.queue = queue_of(self.worker_id.hex)  #: the Celery queue that only this worker reads
        self._loop = LoopThread("darkroom-loop")
        self._locks = ProcessLocks(lock_folder(settings.sqlalchemy_url))
        self._loops: list[asyncio.Task[None]] = []
        self._grace_ended = asyncio.Event()
        self._context: TaskContext
        self._heartbeat: Heartbeat
        self._webhooks: WebhookContext
        self._delivery_dispatcher: DeliveryDispatcher
        self._messages: ChunkMessages

    def start(self) -> None:
        """Open the services and start the loops."""
        _log.info("worker starts", worker=str(self.worker_id))
        return_large_blocks()
        self._loop.start()
        self._loop.run(self._open())
        gc.collect()
        gc.freeze()  # imported modules stay: the cycle collector need not scan them again and again
        gc.set_threshold(*_GC_THRESHOLDS)

    def wake(self) -> None:
        """Wake the dispatchers: a job or a webhook may be due."""
        self._loop.call(self._context.in_flight.freed.set)
        self._loop.call(self._webhooks.in_flight.wake_up.set)

    def generate(self, job_ids: Sequence[str], lease: str) -> None:
        """Start the calls of a chunk of leased jobs, without waiting for them."""
        self._start_chunk(GENERATE, job_ids, lease)

    def store(self, job_ids: Sequence[str], lease: str) -> None:
        """Start storing the images of a chunk of leased jobs, without waiting for it."""
        self._start_chunk(STORE, job_ids, lease)

    def notify(self, delivery_ids: Sequence[str], token: str) -> None:
        """Start sending a chunk of claimed webhooks, without waiting for it.

        The dispatcher starts deliveries on the loop itself. This task stays for messages of workers of
        earlier versions, which sent their chunks through the broker.
        """
        self._loop.call(partial(self._start_delivery, [UUID(key) for key in delivery_ids], UUID(token)))

    def echo(self, echo: str) -> None:
        """Note that this worker's message to itself has come back."""
        self._loop.call(partial(self._messages.echo_received, echo))

    def halt(self) -> None:
        """Start nothing new, and release jobs whose call was not sent. Running calls go on."""
        self._loop.call(self._context.in_flight.halt.set)

    def stop(self) -> None:
        """Stop; running calls get ``DARKROOM_WORKER_GRACE`` seconds, then their jobs follow their policy.

        It takes at most 20 s longer, also while the database or the broker is away.
        """
        try:
            self._loop.run(self._close())
        finally:
            self._loop.stop()

    def end_grace(self) -> None:
        """End the grace of running calls now."""
        self._loop.call(self._grace_ended.set)

    def _start_chunk(self, task: str, job_ids: Sequence[str], lease: str) -> None:
        """Start a chunk on the loop; once this worker has stopped, it is left to other workers."""
        keys = [UUID(key) for key in job_ids]
        self._loop.call(partial(self._messages.start, task, keys, UUID(lease)))

    def _start_delivery(self, delivery_ids: Sequence[UUID], token: UUID) -> None:
        if not self._context.in_flight.halt.is_set():
            start_delivery(self._webhooks, delivery_ids, token)

    async def _open(self) -> None:
        sink = open_sink(self._settings)
        services = build_services(self._settings)
        MODELS.configure(name for channel in self._settings.all_channels() for name in channel.models)
        await services.store.check()
        await set_clock(services.database, services.database_clock)
        in_flight = InFlightJobs(self._settings.worker_slots)
        group_commit = GroupCommit(services.database)
        archiver = Archiver(services, group_commit)
        self._context = TaskContext(services, in_flight, group_commit, archiver, self.worker_id)
        row = self._worker_row(services)
        usable = True if self._settings.embedded_broker else None
        self._messages = ChunkMessages(Sender(self._app), self.queue, self._run_chunk, usable=usable)
        self._heartbeat = Heartbeat(
            *(self._context, row, self._delete_queue, self._locks),
            broker_error=lambda: self._messages.error,
            stop=self._stop_process,
        )
        self._locks.hold(self.worker_id)
        await self._heartbeat.register()
        group_commit.start()
        self._webhooks = open_context(services, group_commit.webhooks_due)
        start = partial(start_delivery, self._webhooks)
        self._delivery_dispatcher = DeliveryDispatcher(self._webhooks, start, in_flight.halt)
        dispatcher = Dispatcher(services, in_flight, self.worker_id, self._messages.send_chunk)
        sweep = StorageSweep(services, self.worker_id)
        alert_watch = AlertWatch(services, self.worker_id, group_commit.webhooks_due)
        controller = CampaignController(services, in_flight.halt, in_flight.freed)
        action_runner = ActionRunner(services, in_flight.halt, in_flight.freed)
        job_action_runner = JobActionRunner(services, in_flight.halt, in_flight.freed)
        examiner = Examiner(services, in_flight.halt, in_flight.freed)
        decider = VisionDecider(services, in_flight.halt, in_flight.freed)
        completer = TaskCompleter(services, in_flight.halt, group_commit.webhooks_due)
        self._loops = [
            asyncio.create_task(dispatcher.run(), name="dispatcher"),
            asyncio.create_task(self._heartbeat.run(), name="heartbeat"),
            asyncio.create_task(self._delivery_dispatcher.run(), name="delivery dispatcher"),
            asyncio.create_task(completer.run(), name="Midjourney task completer"),
            asyncio.create_task(sweep.run(), name="storage sweep"),
            asyncio.create_task(alert_watch.run(), name="alerts"),
            asyncio.create_task(RetentionPruner(services, self.worker_id).run(), name="retention"),
            asyncio.create_task(controller.run(), name="campaign controller"),
            asyncio.create_task(action_runner.run(), name="action runner"),
            asyncio.create_task(job_action_runner.run(), name="action runner of jobs"),
            asyncio.create_task(examiner.run(), name="examiner of pictures"),
            asyncio.create_task(measure_lag("worker"), name="event loop lag"),
            asyncio.create_task(decider.run(), name="vision decider"),
            asyncio.create_task(Exporter(services, in_flight.halt).run(), name="exporter"),
        ]
        if sink is not None:
            writer = TraceWriter(services, self.worker_id, sink)
            self._loops.append(asyncio.create_task(writer.run(), name="traces"))
        if not self._settings.embedded_broker:
            self._loops.append(asyncio.create_task(self._messages.check_forever(), name="broker check"))

    def _worker_row(self, services: WorkerServices) -> dict[str, object]:
        return {
            "id": self.worker_id,
            "name": f"{socket.gethostname()}-{os.getpid()}",
            "version": version("darkroom"),
            "slots": self._settings.worker_slots,
            "started_at": services.clock(),
            "stopping_at": None,
            "channels": fingerprints_of(self._settings.all_channels()),
        }

    async def _run_chunk(self, task: str, job_ids: Sequence[UUID], lease: UUID) -> None:
        """Run a chunk; returns when all of it is done."""
        await (generate_chunk if task == GENERATE else resume_chunk)(self._context, job_ids, lease)

    async def _delete_queue(self, worker_id: UUID) -> None:
        """Delete the queue of a worker that has ended."""
        await asyncio.to_thread(delete_queue, self._app, queue_of(worker_id.hex))

    async def _close(self) -> None:
        context, in_flight = self._context, self._context.in_flight
        in_flight.halt.set()
        await self._end_running({task for task in in_flight.jobs.values() if task})
        await _cancel(self._loops)
        await context.archiver.drain(_STEP_TIMEOUT)
        if unwritten := await context.group_commit.stop(_WRITE_TIMEOUT):
            left = "their jobs follow on_unknown once the worker is reaped"
            _log.error(f"results could not be written before the worker stopped; {left}", results=unwritten)
        await _step(
            "its jobs are reclaimed when its heartbeat is overdue", self._heartbeat.leave(), _WRITE_TIMEOUT
        )
        self._locks.release(self.worker_id)
        await _step("others send its webhooks when its claims end", self._delivery_dispatcher.leave())
        await _step("its queue stays in the broker", self._delete_queue(self.worker_id))
        await _step("connections end with the process", self._webhooks.close())
        await _step("connections end with the process", context.services.close())

    async def _end_running(self, jobs: set[asyncio.Task[None]]) -> None:
        """Give running calls and webhooks their grace, and cancel those that are left."""
        running, grace = jobs | self._webhooks.in_flight.tasks, self._settings.worker_grace
        if not running:
            return
        _log.info("the worker stops; its running calls are awaited", calls=len(jobs), seconds=grace)
        ended = asyncio.ensure_future(asyncio.wait(running))
        cut = asyncio.create_task(self._grace_ended.wait())
        await asyncio.wait({ended, cut}, timeout=grace, return_when=asyncio.FIRST_COMPLETED)
        await _cancel([ended, cut])
        await _cancel(running)


async def _cancel(tasks: Collection[asyncio.Future[Any]]) -> None:
    """Cancel tasks and wait for their end; those that wait for a database that is away end with the loop."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=_STEP_TIMEOUT)


async def _step(otherwise: str, step: Awaitable[None], timeout: float = _STEP_TIMEOUT) -> None:
    """Run one step of the shutdown; if it fails or takes too long, log what follows, and go on."""
    try:
        async with asyncio.timeout(timeout):
            await step
    except Exception as error:  # noqa: BLE001 - a process edge: the reaper or the server does the same later
        _log.warning(f"a step of the worker's shutdown failed; {otherwise}", error=repr(error)[:300])
