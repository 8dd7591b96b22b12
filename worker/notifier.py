"""The doorbell: tells some worker that there is work. A lost ring costs the dispatch interval, no more."""

from threading import Event, Thread

import structlog
from prometheus_client import Counter

from worker.broker import WAKE, WAKE_UP, broker_app

_undelivered = Counter("darkroom_doorbell_failures", "Rings that the broker did not take")
_log = structlog.get_logger()
_PAUSE = 0.05  # seconds between rings at least: many submits make one


class Notifier:
    """Rings from a thread of its own, so that no request waits for the broker."""

    def __init__(self, broker_url: str) -> None:
        self._app = broker_app(broker_url)
        self._rung, self._closed = Event(), Event()
        self._thread = Thread(target=self._carry, name="doorbell", daemon=True)
        self._thread.start()

    def notify(self) -> None:
        """Ask for a look at the queue. Never blocks, never raises."""
        self._rung.set()

    def close(self) -> None:
        """Stop the thread."""
        self._closed.set()
        self._rung.set()
        self._thread.join(timeout=5)
        self._app.close()

    def _carry(self) -> None:
        while self._rung.wait() and not self._closed.is_set():
            self._rung.clear()
            try:
                self._app.send_task(WAKE, queue=WAKE_UP, expires=60, retry=False, ignore_result=True)
            except Exception as error:  # noqa: BLE001 - a thread's edge: whatever the broker does, submits go on
                _undelivered.inc()
                _log.warning("the broker took no ring; workers find the job by themselves", error=str(error))
            self._closed.wait(_PAUSE)
