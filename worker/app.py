"""Start a worker: as a process of the fleet, or embedded in another process."""

from collections.abc import Callable
from threading import Thread
from typing import Any

import structlog
from celery import Celery
from kombu.entity import Queue

from models.settings import Settings
from worker.broker.celery_app import ECHO, GENERATE, NOTIFY, STORE, WAKE, WAKE_UP, allow_control, broker_app
from worker.broker.consumer import Consumer
from worker.metrics.exposition import MetricsServer
from worker.process.file_limits import files_of, fitting_slots, raise_file_limit
from worker.process.logs import configure_logs
from worker.process.stop_signals import StopSignals, ignore_hangups
from worker.runtime import WorkerRuntime

_log = structlog.get_logger()
_NO_OP = "darkroom.nothing"
_STOP_TIMEOUT = 5.0  # seconds for Celery to notice that it is to stop
_NO_OP_MESSAGES = 50  # sent meanwhile: Celery looks after each message, and else every two seconds
_READY_TIMEOUT = 30.0  # seconds


def build_worker(settings: Settings, stop: Callable[[], None] | None = None) -> tuple[Celery, WorkerRuntime]:
    """Return the Celery application with its tasks, thin shells around the runtime.

    ``stop``: stops this process, when a person asks the worker to; ``None``: it can't be asked.
    """
    settings = _with_fitting_slots(settings)
    app = broker_app(settings.broker)
    if settings.celery_events:
        allow_control(app)
    runtime = WorkerRuntime(settings, app, stop)
    queue: Any = Queue
    app.conf.task_queues = [queue(WAKE_UP), queue(runtime.queue)]
    tasks: dict[str, Callable[..., None]] = {
        WAKE: runtime.wake,
        GENERATE: runtime.generate,
        STORE: runtime.store,
        NOTIFY: runtime.notify,
        ECHO: runtime.echo,
        _NO_OP: _do_nothing,
    }
    for name, function in tasks.items():
        app.task(name=name, shared=False)(function)  # shared ones would also belong to later applications
    app.finalize()
    return app, runtime


def _with_fitting_slots(settings: Settings) -> Settings:
    """Raise the limit of open files; return the settings with no more slots than fit into it."""
    files, pool = raise_file_limit(), settings.database_pool
    slots = fitting_slots(files, database_pool=pool)
    if slots >= settings.worker_slots:
        return settings
    needed = files_of(settings.worker_slots, database_pool=pool)
    _log.warning(
        f"the worker has {slots} slots instead of {settings.worker_slots}, for want of open files; "
        f"raise the limit to {needed} (ulimit -n, LimitNOFILE=)",
        limit=files,
    )
    return settings.model_copy(update={"worker_slots": slots})


def _do_nothing() -> None:
    """Let Celery notice that it is to stop, which it only does after a message."""


class EmbeddedWorker:
    """A worker inside another process, such as ``darkroom up``: one per process at most.

    ``stop``: as for ``build_worker``.
    """

    def __init__(self, settings: Settings, stop: Callable[[], None] | None = None) -> None:
        self._app, self._runtime = build_worker(settings, stop)
        self._consumer = Consumer(self._app)

    def start(self) -> None:
        """Start; returns when messages are consumed."""
        self._runtime.start()
        self._consumer.start()
        self._consumer.ready.wait(_READY_TIMEOUT)

    def end_grace(self) -> None:
        """End the grace of running calls now, while ``stop`` waits for them."""
        self._runtime.end_grace()

    def stop(self) -> None:
        """Stop; running calls get ``DARKROOM_WORKER_GRACE`` seconds."""
        self._runtime.halt()
        self._consumer.stop()
        self._runtime.stop()
        for _ in range(_NO_OP_MESSAGES):
            self._app.send_task(_NO_OP, queue=self._runtime.queue, ignore_result=True)
            if self._consumer.join(_STOP_TIMEOUT / _NO_OP_MESSAGES):
                return


def serve_metrics(settings: Settings) -> MetricsServer | None:
    """Serve this process's metrics, if a port is set. Raises ``SettingsError``."""
    if settings.metrics_port is None:
        return None
    server = MetricsServer(settings, settings.metrics_port)
    server.start()
    return server


def run_worker(settings: Settings) -> bool:
    """Run a worker of the fleet until SIGTERM or SIGINT, or until a person asks it to stop.

    Running calls get the configured grace; a second signal ends it. Signals count from the first line on: one
    that comes while the worker starts stops it once it has started. Returns whether a person asked.
    """
    configure_logs(settings)
    ignore_hangups()
    with StopSignals() as signals:
        metrics = serve_metrics(settings)
        app, runtime = build_worker(settings, signals.request)
        consumer = Consumer(app, events=settings.celery_events)
        runtime.start()
        consumer.start()
        _log.info("worker is ready", worker=str(runtime.worker_id), slots=runtime.slots)
        signals.wait()
        runtime.halt()
        consumer.stop()
        stopping = Thread(target=runtime.stop, name="stop")
        stopping.start()
        while stopping.is_alive():
            if signals.arrived(within=0.1):
                runtime.end_grace()
        consumer.join(_STOP_TIMEOUT)
        if metrics is not None:
            metrics.close()
        return signals.is_requested
