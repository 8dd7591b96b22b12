"""API and worker in one process: the API in the main thread, the worker in threads of its own."""

import socket
from collections.abc import Callable

from api.app import create_app
from api.server import serve
from models.settings import Settings
from worker.app import EmbeddedWorker

GRACE = 2.0  #: seconds for calls in flight to end at shutdown; the next start returns the others' leases


def run_embedded(
    settings: Settings,
    listener: socket.socket,
    *,
    ready: Callable[[], None] | None = None,
    grace: float = GRACE,
) -> None:
    """Run the worker and serve the API on ``listener`` until a signal arrives, then stop both.

    The tables must be up to date. ``ready`` is called once the API accepts requests; it must not block.
    """
    worker = EmbeddedWorker(settings)
    worker.start()
    try:
        serve(create_app(settings), listener, ready=ready)
    finally:
        listener.close()
        worker.stop(grace)
