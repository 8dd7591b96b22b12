"""Serve the API in the main thread until SIGINT or SIGTERM, then shut down gracefully; or in a thread."""

import errno
import gc
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from threading import Event, Thread, current_thread, main_thread
from types import FrameType, TracebackType
from typing import Self

import uvicorn
from fastapi import FastAPI

from api.services import ApiServices
from api.web.http_protocol import HttpLimits, LimitedHttpProtocol, OpenConnections
from models.errors import DarkroomError, SettingsError
from models.settings import Settings
from worker.process.file_limits import raise_file_limit
from worker.process.stop_signals import stopping_signals

_GRACE = 2  #: seconds for open requests to end at shutdown
_BACKLOG = 2048
_POLL = 0.1  # seconds
_SWITCH_INTERVAL = 0.001  # seconds that a busy thread (it parses a body) may keep the interpreter from others


class ServingFailed(DarkroomError):
    """The API could not start; the log says why."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address; port 0 chooses a free one.

    Raises ``SettingsError`` with one sentence if the address is not available.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        raise SettingsError([f"--host {host} can't be listened on: {error.strerror or error}."]) from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise SettingsError([_bind_error(host, port, error)]) from error
    return listener


def _bind_error(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is in use by another program; stop that, or choose another with --port."
        )
    return f"{host}:{port} can't be listened on: {error.strerror}. Choose others with --host and --port."


def http_limits(settings: Settings) -> HttpLimits:
    """Return the limits of this process; raises the limit of open files as far as the system allows.

    Connections leave a fifth of the files to the rest of the process, and one address a quarter of the
    connections to the others.
    """
    files = raise_file_limit()
    connections = min(settings.connections, files * 4 // 5)
    return HttpLimits(connections, min(settings.connections_per_address, connections * 3 // 4))


def serve(
    app: FastAPI, listener: socket.socket, limits: HttpLimits, *, ready: Callable[[], None] | None = None
) -> None:
    """Serve until SIGINT or SIGTERM. ``ready`` is called once the API accepts requests.

    Raises ``ServingFailed`` if the app does not start.
    """
    sys.setswitchinterval(_SWITCH_INTERVAL)
    server = _Server(app, server_config(app, limits), ready)
    server.run(sockets=[listener])
    if not server.started:
        raise ServingFailed("The API could not start; the lines above say why.")


class ServerThread:
    """Serves in a thread while its context is open, for a command that calls the API of its own process.

    Raises ``ServingFailed`` at its start.
    """

    def __init__(self, app: FastAPI, listener: socket.socket, limits: HttpLimits) -> None:
        self._ended = Event()
        self._ready = Event()
        self._server = _Server(app, server_config(app, limits), self._ready.set)
        self._thread = Thread(target=self._run, args=(listener,), name="api", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._ready.wait(_POLL):
            if self._ended.is_set():
                raise ServingFailed("The API could not start; the lines above say why.")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join()

    def _run(self, listener: socket.socket) -> None:
        try:
            self._server.run(sockets=[listener])
        finally:
            self._ended.set()


def server_config(app: FastAPI, limits: HttpLimits) -> uvicorn.Config:
    """Return the configuration of the HTTP server."""
    return uvicorn.Config(
        app,
        http=partial(LimitedHttpProtocol, opened=OpenConnections(limits)),  # type: ignore[arg-type]  # a factory
        log_config=None,
        access_log=False,
        proxy_headers=False,  # the address of a client is its connection's: headers may claim any other
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
        timeout_keep_alive=30,
    )


class _Server(uvicorn.Server):
    """Uvicorn's server, which reports when it is ready and does not raise its signals again."""

    def __init__(self, app: FastAPI, config: uvicorn.Config, ready: Callable[[], None] | None) -> None:
        super().__init__(config)
        self._app, self._ready = app, ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then call ``ready``."""
        await super().startup(sockets)
        gc.collect()
        gc.freeze()  # what was imported stays: to scan it again would hold up all requests
        if self.started and self._ready:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Shut down; streams and long polls, which would never end by themselves, are ended first."""
        services: ApiServices = self._app.state.services
        services.watcher.release_waiters()
        services.feed.release()
        services.changes.release()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Shut down gracefully on the first signal, at once on the second; neither counts as a failure."""
        if self.should_exit:
            self.force_exit = True
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle the signals while serving. Uvicorn's own method raises them again afterwards.

        Only the main thread can: in another one they are left to it.
        """
        if current_thread() is not main_thread():
            yield
            return
        previous = {name: signal.signal(name, self.handle_exit) for name in stopping_signals()}
        try:
            yield
        finally:
            for name, handler in previous.items():
                signal.signal(name, handler)
