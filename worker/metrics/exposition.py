"""Metrics over HTTP: who may read them, and the small server of a worker process, with its health check."""

from collections.abc import Callable, Iterable
from functools import partial
from ipaddress import ip_address
from secrets import compare_digest
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

from models.errors import SettingsError
from models.settings import Settings
from worker.metrics.process_metrics import loop_runs

FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
"""Headers that proxies add: such a request was made on another machine."""

_NEEDS_KEY = b"Beyond this machine, metrics need DARKROOM_METRICS_KEY as a bearer token.\n"
_worker_runs = partial(loop_runs, "worker")
StartResponse = Callable[[str, list[tuple[str, str]]], object]


def is_own_key(settings: Settings, authorization: str) -> bool:
    """Return whether an Authorization header has ``DARKROOM_METRICS_KEY``."""
    own = settings.metrics_key
    return own is not None and compare_digest(
        authorization.encode(), f"Bearer {own.get_secret_value()}".encode()
    )


def is_loopback_address(address: str) -> bool:
    """Return whether an address is this machine's own."""
    try:
        return ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False


class MetricsServer:
    """Serves the metrics of this process in a thread of its own, also while its event loop is busy.

    ``/healthz`` says whether that loop runs, not whether database or broker do: a worker outlives their
    outages.
    """

    def __init__(self, settings: Settings, port: int, runs: Callable[[], bool] = _worker_runs) -> None:
        self._settings, self._runs = settings, runs
        try:
            self._server = make_server(settings.metrics_host, port, self._answer, handler_class=_Silent)
        except OSError as error:
            place = f"{settings.metrics_host}:{port}"
            raise SettingsError(
                [f"DARKROOM_METRICS_PORT: {place} can't be listened on: {error.strerror or error}."]
            ) from error
        self.port = self._server.server_port  #: the one it listens on
        self._thread = Thread(target=self._server.serve_forever, name="metrics", daemon=True)

    def start(self) -> None:
        """Start serving."""
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)

    def _answer(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request, as WSGI (PEP 3333) has it."""
        path, text = environ.get("PATH_INFO"), [("Content-Type", "text/plain")]
        if path == "/healthz":
            runs = self._runs()
            start_response("200 OK" if runs else "503 Service Unavailable", text)
            return [b"ok\n" if runs else b"The event loop does not run: it has not started, or is stalled.\n"]
        if path != "/metrics":
            start_response("404 Not Found", text)
            return [b"There are only /metrics and /healthz.\n"]
        if not self._may_read(environ):
            start_response("401 Unauthorized", [*text, ("WWW-Authenticate", "Bearer")])
            return [_NEEDS_KEY]
        start_response("200 OK", [("Content-Type", CONTENT_TYPE_LATEST)])
        return [generate_latest(REGISTRY)]

    def _may_read(self, environ: dict[str, Any]) -> bool:
        forwarded = any(f"HTTP_{name.upper().replace('-', '_')}" in environ for name in FORWARDED)
        local = is_loopback_address(environ.get("REMOTE_ADDR", "")) and not forwarded
        key = environ.get("HTTP_AUTHORIZATION", "")
        return self._settings.metrics_public or local or is_own_key(self._settings, key)


class _Silent(WSGIRequestHandler):
    """Writes no line per request, and waits for a slow client only so long."""

    timeout = 10  # seconds

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Drop the line."""

    def address_string(self) -> str:
        """Return the client's address, without asking a name server for its name."""
        return str(self.client_address[0])
