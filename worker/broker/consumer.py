"""Consumer: Celery's worker in a thread of its own, built again with a back-off when Celery gives up.

Celery ends its worker when a connection is lost, and when a Redis is full, read-only or misconfigured. Jobs
go on meanwhile (``worker.broker.chunk_messages``).
"""

import os
import time
from socket import gethostname
from threading import Event, Thread
from typing import Any

import structlog
from celery import Celery
from celery.app import trace
from celery.worker import WorkController
from celery.worker import state as worker_state
from kombu.asynchronous import set_event_loop

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 10.0  # seconds before it is built again
_STABLE = 60.0  # seconds after which the back-off starts anew
_THREADS = 4  # tasks only start work on the event loop, and end at once
_OPTIONS: dict[str, Any] = {
    "pool_cls": "threads",
    "quiet": True,
    "without_heartbeat": True,
    "without_mingle": True,
    "without_gossip": True,
}
_EVENTS: dict[str, Any] = {"without_heartbeat": False, "task_events": True}
_log = structlog.get_logger()


class Consumer:
    """Receives messages: one per process at most, as Celery's stop flag is global."""

    def __init__(self, app: Celery, *, events: bool = False) -> None:
        self._app = app
        #: with events, Celery's tools see this process by a name of its own
        self._options = _EVENTS | {"hostname": f"darkroom-{os.getpid()}@{gethostname()}"} if events else {}
        self.ready = Event()  #: set while messages are received
        self._stopped = Event()
        self._thread = Thread(target=self._run, name="celery", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Let Celery receive no further messages; it notices within seconds."""
        self._stopped.set()
        worker_state.should_stop = 0

    def join(self, timeout: float) -> bool:
        """Wait for the thread, at most ``timeout`` seconds; return whether it has ended."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        pause = _FIRST_PAUSE
        while not self._stopped.is_set():
            began = time.monotonic()
            self._receive()
            self.ready.clear()
            if self._stopped.is_set():
                return
            if time.monotonic() - began > _STABLE:
                pause = _FIRST_PAUSE
            _log.warning("Celery's consumer has ended; it is built again", seconds=pause)
            self._stopped.wait(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _receive(self) -> None:
        """Receive messages until stopped, or until Celery gives up."""
        worker_state.should_stop = None
        set_event_loop(None)  # an earlier controller's has its timers and connections
        if self._stopped.is_set():
            return
        try:
            self._controller().start()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - a thread's edge: it is built again
            _log.error("Celery's consumer failed", error=repr(error)[:300])

    def _controller(self) -> Any:
        ready = self.ready

        class Controller(WorkController):  # type: ignore[misc]  # celery ships no types
            def on_before_init(self, **_: Any) -> None:
                # as ``celery worker`` does: else threads look tasks up in Celery's default application
                trace.setup_worker_optimizations(self.app, self.hostname)

            def on_consumer_ready(self, consumer: Any) -> None:
                ready.set()

        return Controller(app=self._app, concurrency=_THREADS, **(_OPTIONS | self._options))
