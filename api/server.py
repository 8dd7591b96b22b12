"""Serves the API in the main thread until a signal comes."""

import errno
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import uvicorn
from fastapi import FastAPI

from api.services import ApiServices
from models.errors import DarkroomError, SettingsError

_GRACE = 2  #: seconds that open requests get at the end; streams and long polls never end by themselves
_BACKLOG = 2048
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class ServingFailed(DarkroomError):
    """The API could not start; the log says why."""


def listen(host: str, port: int) -> socket.socket:
    """Take an address to serve on; port 0 takes a free one.

    Raises ``SettingsError`` with one sentence when it can't be had.
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
        raise SettingsError([_busy(host, port, error)]) from error
    return listener


def _busy(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is in use by another program; stop that, or choose another with --port."
        )
    return f"{host}:{port} can't be listened on: {error.strerror}. Choose others with --host and --port."


def serve(app: FastAPI, listener: socket.socket, *, ready: Callable[[], None] | None = None) -> None:
    """Serve until SIGINT or SIGTERM, which end it cleanly; ``ready`` is called once requests are taken."""
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
        timeout_keep_alive=30,
    )
    server = _Server(app, config, ready)
    server.run(sockets=[listener])
    if not server.started:
        raise ServingFailed("The API could not start; the lines above say why.")


class _Server(uvicorn.Server):
    """Uvicorn's server, that tells when it is ready and keeps the signals that end it to itself."""

    def __init__(self, app: FastAPI, config: uvicorn.Config, ready: Callable[[], None] | None) -> None:
        super().__init__(config)
        self._app, self._ready = app, ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and tell."""
        await super().startup(sockets)
        if self.started and self._ready:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let go of those who wait for news, so that no stream or long poll holds up the end."""
        services: ApiServices = self._app.state.services
        services.watcher.release_waiters()
        await super().shutdown(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """End on the first signal; on the second, at once. Both count as a wish, not as a failure."""
        if self.should_exit:
            self.force_exit = True
        self.should_exit = True

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Listen to the signals while serving. Uvicorn would raise them again afterwards."""
        earlier = {name: signal.signal(name, self.handle_exit) for name in _SIGNALS}
        try:
            yield
        finally:
            for name, handler in earlier.items():
                signal.signal(name, handler)
