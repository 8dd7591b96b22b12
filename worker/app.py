"""Starting workers: as a process of the fleet, or inside another process."""

from threading import Event, Thread
from typing import Any

import structlog
from celery import Celery, signals
from celery.worker import WorkController
from celery.worker import state as worker_state
from kombu.entity import Queue

from models.settings import Settings
from worker.broker import GENERATE, NOTIFY, STORE, WAKE, WAKE_UP, broker_app
from worker.logs import configure_logs
from worker.runtime import WorkerRuntime

_log = structlog.get_logger()
_NOTHING = "darkroom.nothing"
_LAST_LOOK = 5.0  # seconds for Celery to see that it is over
_SPARE = 2  # threads beside the slots: webhooks and doorbells need no slot, and must not wait for one
_NUDGES = 50  # messages on the way: without one, each of its last looks takes two seconds
_OPTIONS: dict[str, Any] = {
    "pool": "threads",
    "without_heartbeat": True,
    "without_mingle": True,
    "without_gossip": True,
}


def _build(settings: Settings) -> tuple[Celery, WorkerRuntime]:
    """Make the Celery application with its tasks: thin shells around the core."""
    app = broker_app(settings.broker_url)
    core = WorkerRuntime(settings, app)
    queue: Any = Queue
    app.conf.task_queues = [queue(WAKE_UP), queue(core.lane)]
    app.task(name=WAKE)(core.wake)
    app.task(name=GENERATE)(core.generate)
    app.task(name=STORE)(core.store)
    app.task(name=NOTIFY)(core.notify)
    app.task(name=_NOTHING)(_do_nothing)
    app.finalize()
    return app, core


def _do_nothing() -> None:
    """Be a message that makes Celery look up."""


class EmbeddedWorker:
    """A worker inside another process, such as ``darkroom up``: one per process at most."""

    def __init__(self, settings: Settings) -> None:
        app, self._core = _build(settings)
        self._ready = Event()
        ready = self._ready

        class Controller(WorkController):  # type: ignore[misc]  # celery ships no types
            def on_consumer_ready(self, consumer: Any) -> None:
                ready.set()

        self._controller = Controller(
            app=app, pool_cls="threads", concurrency=settings.worker_slots + _SPARE, quiet=True, **_OPTIONS
        )
        self._thread = Thread(target=self._controller.start, name="celery", daemon=True)

    def start(self) -> None:
        """Start; returns when messages are consumed."""
        worker_state.should_stop = None
        self._core.start()
        self._thread.start()
        self._ready.wait(timeout=30)

    def stop(self, grace: float) -> None:
        """Stop: running calls get ``grace`` seconds."""
        self._core.halt()
        worker_state.should_stop = 0
        self._core.stop(grace)
        for _ in range(_NUDGES):
            self._controller.app.send_task(_NOTHING, queue=self._core.lane, ignore_result=True)
            self._thread.join(timeout=_LAST_LOOK / _NUDGES)
            if not self._thread.is_alive():
                return


def run_worker(settings: Settings) -> None:
    """Be a worker of the fleet until SIGTERM or SIGINT; running calls get the configured grace."""
    configure_logs(settings)
    app, core = _build(settings)

    def leave(**_: Any) -> None:
        Thread(target=core.stop, args=(settings.worker_grace,), name="leave").start()

    signals.worker_shutting_down.connect(leave, weak=False)

    core.start()
    _log.info("worker is ready", worker=str(core.worker_id), slots=settings.worker_slots)
    threads = settings.worker_slots + _SPARE
    app.Worker(concurrency=threads, loglevel="WARNING", quiet=True, **_OPTIONS).start()
