"""Everything in one process: the API in the main thread, the worker beside it."""

import socket
from collections.abc import Callable

from api.app import create_app
from api.server import serve
from models.settings import Settings
from worker.app import EmbeddedWorker

GRACE = 2.0  #: seconds that calls in flight get at the end; what is lost is returned at the next start


def run_embedded(
    settings: Settings,
    listener: socket.socket,
    *,
    ready: Callable[[], None] | None = None,
    grace: float = GRACE,
) -> None:
    """Run the worker and serve the API on ``listener`` until a signal comes, then end both.

    The tables have to be up to date. ``ready`` is called once requests are taken; it must not block.
    """
    worker = EmbeddedWorker(settings)
    worker.start()
    try:
        serve(create_app(settings), listener, ready=ready)
    finally:
        listener.close()
        worker.stop(grace)
