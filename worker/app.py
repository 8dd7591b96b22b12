"""Start a worker: as a process of the fleet, or embedded in another process."""

from collections.abc import Callable
from threading import Event, Thread
from typing import Any

import structlog
from celery import Celery, signals
from celery.app import trace
from celery.worker import WorkController
from celery.worker import state as worker_state
from kombu.entity import Queue

from models.settings import Settings
from worker.broker import GENERATE, NOTIFY, STORE, WAKE, WAKE_UP, broker_app
from worker.logs import configure_logs
from worker.runtime import WorkerRuntime

_log = structlog.get_logger()
_NO_OP = "darkroom.nothing"
_STOP_TIMEOUT = 5.0  # seconds for Celery to notice that it is to stop
_NO_OP_MESSAGES = 50  # sent meanwhile: Celery looks after each message, and else every two seconds
_EXTRA_THREADS = 2  # beside the slots: wake-ups need no slot, and must not wait for one
_OPTIONS: dict[str, Any] = {
    "pool": "threads",
    "without_heartbeat": True,
    "without_mingle": True,
    "without_gossip": True,
}


def build_worker(settings: Settings) -> tuple[Celery, WorkerRuntime]:
    """Return the Celery application with its tasks, thin shells around the runtime."""
    app = broker_app(settings.broker_url)
    runtime = WorkerRuntime(settings, app)
    queue: Any = Queue
    app.conf.task_queues = [queue(WAKE_UP), queue(runtime.queue)]
    tasks: dict[str, Callable[..., None]] = {
        WAKE: runtime.wake,
        GENERATE: runtime.generate,
        STORE: runtime.store,
        NOTIFY: runtime.notify,
        _NO_OP: _do_nothing,
    }
    for name, function in tasks.items():
        app.task(name=name, shared=False)(function)  # shared ones would also belong to later applications
    app.finalize()
    return app, runtime


def _do_nothing() -> None:
    """Let Celery notice that it is to stop, which it only does after a message."""


class EmbeddedWorker:
    """A worker inside another process, such as ``darkroom up``: one per process at most."""

    def __init__(self, settings: Settings) -> None:
        app, self._runtime = build_worker(settings)
        self._ready = Event()
        ready = self._ready

        class Controller(WorkController):  # type: ignore[misc]  # celery ships no types
            def on_before_init(self, **_: Any) -> None:
                # as ``celery worker`` does: else threads look tasks up in Celery's default application
                trace.setup_worker_optimizations(self.app, self.hostname)

            def on_consumer_ready(self, consumer: Any) -> None:
                ready.set()

        threads = settings.worker_slots + _EXTRA_THREADS
        self._controller = Controller(
            app=app, pool_cls="threads", concurrency=threads, quiet=True, **_OPTIONS
        )
        self._thread = Thread(target=self._controller.start, name="celery", daemon=True)

    def start(self) -> None:
        """Start; returns when messages are consumed."""
        worker_state.should_stop = None
        self._runtime.start()
        self._thread.start()
        self._ready.wait(timeout=30)

    def end_grace(self) -> None:
        """End the grace of running calls now, while ``stop`` waits for them."""
        self._runtime.end_grace()

    def stop(self) -> None:
        """Stop; running calls get ``DARKROOM_WORKER_GRACE`` seconds."""
        self._runtime.halt()
        worker_state.should_stop = 0
        self._runtime.stop()
        for _ in range(_NO_OP_MESSAGES):
            self._controller.app.send_task(_NO_OP, queue=self._runtime.queue, ignore_result=True)
            self._thread.join(timeout=_STOP_TIMEOUT / _NO_OP_MESSAGES)
            if not self._thread.is_alive():
                return


def run_worker(settings: Settings) -> None:
    """Run a worker of the fleet until SIGTERM or SIGINT; running calls get the configured grace."""
    configure_logs(settings)
    app, runtime = build_worker(settings)

    def stop(**_: Any) -> None:
        Thread(target=runtime.stop, name="stop").start()

    signals.worker_shutting_down.connect(stop, weak=False)

    runtime.start()
    _log.info("worker is ready", worker=str(runtime.worker_id), slots=settings.worker_slots)
    threads = settings.worker_slots + _EXTRA_THREADS
    app.Worker(concurrency=threads, loglevel="WARNING", quiet=True, **_OPTIONS).start()
