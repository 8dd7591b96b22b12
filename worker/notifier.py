"""Notifier: wakes a dispatcher. A lost message costs one dispatch interval."""

from threading import Event, Thread

import structlog
from prometheus_client import Counter, Gauge

from models.addresses.broker import BrokerAddress
from worker.broker.broker_errors import explain_broker_error
from worker.broker.celery_app import WAKE, WAKE_UP, broker_app

_accepts = Gauge("darkroom_broker_accepts", "Whether the broker took the last wake-up message (1, else 0)")
_failures = Counter("darkroom_doorbell_failures", "Wake-up messages that the broker did not accept")
_log = structlog.get_logger()
_PAUSE = 0.05  # seconds between messages at least: many submits need one


class Notifier:
    """Sends wake-ups from a thread of its own, so that no request waits for the broker."""

    def __init__(self, broker: BrokerAddress) -> None:
        self._app = broker_app(broker)
        self._requested, self._closed = Event(), Event()
        self._thread = Thread(target=self._send_all, name="notifier", daemon=True)
        self._thread.start()

    def notify(self) -> None:
        """Wake a dispatcher soon. Never blocks, never raises."""
        self._requested.set()

    def close(self) -> None:
        """Stop the thread."""
        self._closed.set()
        self._requested.set()
        self._thread.join(timeout=5)
        self._app.close()

    def _send_all(self) -> None:
        while self._requested.wait() and not self._closed.is_set():
            self._requested.clear()
            try:
                self._app.send_task(WAKE, queue=WAKE_UP, expires=60, retry=False, ignore_result=True)
                _accepts.set(1)
            except Exception as error:  # noqa: BLE001 - a thread's edge: an error of the broker fails no submit
                _failures.inc()
                _accepts.set(0)
                _log.warning(
                    "the broker did not accept a wake-up; a worker finds the job later",
                    error=explain_broker_error(error),
                )
            self._closed.wait(_PAUSE)
