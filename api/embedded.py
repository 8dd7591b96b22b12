"""API and worker in one process: the API in the main thread, the worker in threads of its own."""

import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from api.app import create_app
from api.server import ServerThread, http_limits, serve
from models.settings import Settings
from worker.app import EmbeddedWorker
from worker.process.stop_signals import stopping_signals


class WorkerLike(Protocol):
    """A worker that is started and stopped with the API."""

    def start(self) -> None:
        """Start."""

    def end_grace(self) -> None:
        """End the grace of running calls now, while ``stop`` waits for them."""

    def stop(self) -> None:
        """Stop; running calls get ``DARKROOM_WORKER_GRACE`` seconds."""


def run_embedded(
    settings: Settings,
    listener: socket.socket,
    *,
    ready: Callable[[], None] | None = None,
    practice: bool = False,
    findings: object = None,
    worker: WorkerLike | None = None,
) -> None:
    """Run the worker and serve the API on ``listener`` until a signal arrives, then stop both.

    Running calls get ``DARKROOM_WORKER_GRACE`` seconds; a second signal ends them at once. The tables must be
    up to date. ``ready`` is called once the API accepts requests; it must not block. ``practice``: the
    provider is the practice provider, which fails as prompts ask it to; then the dashboard offers such ones.
    ``findings``: what the dashboard shows of ``darkroom doctor``. ``worker``: if it is not in
    threads of this process.
    """
    worker = worker or EmbeddedWorker(settings)
    worker.start()
    try:
        app = create_app(settings)
        app.state.practice, app.state.findings = practice, findings
        serve(app, listener, http_limits(settings), ready=ready)
    finally:
        listener.close()
        with _on_signal(worker.end_grace):
            worker.stop()


@contextmanager
def embedded_beside(settings: Settings, listener: socket.socket) -> Iterator[None]:
    """Run the worker and serve the API in threads while the context is open; signals stay as they are.

    At its end, running calls get ``DARKROOM_WORKER_GRACE`` seconds; a signal meanwhile ends them at once.
    """
    worker = EmbeddedWorker(settings)
    worker.start()
    try:
        with ServerThread(create_app(settings), listener, http_limits(settings)):
            yield
    finally:
        with _on_signal(worker.end_grace):
            worker.stop()


@contextmanager
def _on_signal(act: Callable[[], None]) -> Iterator[None]:
    previous = {sign: signal.signal(sign, lambda *_: act()) for sign in stopping_signals()}
    try:
        yield
    finally:
        for sign, handler in previous.items():
            signal.signal(sign, handler)
