"""Serve the API in the main thread until SIGINT or SIGTERM, then shut down gracefully."""

import errno
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from types import FrameType

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
    server = _Server(app, server_config(app, limits), ready)
    server.run(sockets=[listener])
    if not server.started:
        raise ServingFailed("The API could not start; the lines above say why.")


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
        """Handle the signals while serving. Uvicorn's own method raises them again afterwards."""
        previous = {name: signal.signal(name, self.handle_exit) for name in stopping_signals()}
        try:
            yield
        finally:
            for name, handler in previous.items():
                signal.signal(name, handler)
