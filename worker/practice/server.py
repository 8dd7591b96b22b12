"""Start and stop the practice provider: in a running event loop, or as a process.

As a process (``python -c "from worker.practice.server import main; main(['--delay', '2'])"``) it prints one
line of JSON, ``{"url": "http://127.0.0.1:40123", "port": 40123, "pid": 4711}``, and serves until SIGTERM or
SIGINT. Its options are the members of ``PracticeOptions``, with dashes: ``--delay 1-5 --picture tiny
--deliver markdown_data --rate 429=0.05 --rate cut=0.01 --seed 7 --rpm 60 --concurrency 8``.
"""

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import orjson
from aiohttp import web

from worker.practice.call_log import CallLog
from worker.practice.options import PracticeOptions
from worker.practice.routes import Routes

_BACKLOG = 4096  # benchmarks open a thousand connections at once
_RETRY_INTERVAL = 0.05  # seconds between attempts to listen again, if the port is taken


class ListeningSocket:
    """Listening socket that can refuse connections for a while."""

    def __init__(self, runner: web.AppRunner, host: str, port: int) -> None:
        self._runner, self._host, self.port = runner, host, port
        self.opened = asyncio.Event()  #: set while it listens
        self._site: web.TCPSite | None = None
        self._reopening: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Listen; port 0 takes a free one. Raises ``OSError`` if the address is not available."""
        site = web.TCPSite(self._runner, self._host, self.port, backlog=_BACKLOG)
        await site.start()
        self._site, self.port = site, int(self._runner.addresses[0][1])
        self.opened.set()

    async def refuse_for(self, seconds: float) -> None:
        """Refuse new connections for some seconds; open ones continue."""
        self.cancel_reopening()
        if self._site is not None and self.opened.is_set():
            self.opened.clear()
            await self._site.stop()
        self._reopening = asyncio.create_task(self._reopen(seconds))

    async def _reopen(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        while not self.opened.is_set():
            with suppress(OSError):
                await self.open()
                break
            await asyncio.sleep(_RETRY_INTERVAL)

    def cancel_reopening(self) -> None:
        """Do not listen again later."""
        if self._reopening is not None:
            self._reopening.cancel()


_GRACE = 0.1  # seconds for calls in flight when the server stops


class PracticeServer:
    """A running practice provider. ``url`` has no path: append ``/v1/chat/completions``."""

    def __init__(self, host: str, listener: ListeningSocket, routes: Routes, runner: web.AppRunner) -> None:
        self.host, self.port = host, listener.port
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{listener.port}"
        self.listener, self._routes, self._runner = listener, routes, runner

    @property
    def call_log(self) -> CallLog:
        """The calls that the provider received."""
        return self._routes.call_log

    async def stop(self) -> None:
        """Stop serving; calls in flight are cancelled."""
        self._routes.closing = True
        self.listener.cancel_reopening()
        await self._runner.cleanup()
        self._routes.completions.close()

    async def __aenter__(self) -> "PracticeServer":
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.stop()


async def start_practice(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    kill_worker: Callable[[], None] | None = None,
    **options: object,
) -> PracticeServer:
    """Start a practice provider in the running loop and return it once it serves; port 0 takes a free one.

    ``kill_worker``: ends the worker that calls, for prompts with the hint. ``options`` are the members of
    ``PracticeOptions``. Raises pydantic's ``ValidationError`` if invalid,
    and ``OSError`` if the address is not available.
    """
    routes = Routes(PracticeOptions.model_validate(options))
    runner = web.AppRunner(
        routes.build_app(),
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=_GRACE,
        keepalive_timeout=75,
    )
    await runner.setup()
    routes.linked.kill_worker = kill_worker
    listener = ListeningSocket(runner, host, port)
    routes.refuse_connections = listener.refuse_for
    try:
        await listener.open()
    except OSError:
        await runner.cleanup()
        routes.completions.close()
        raise
    return PracticeServer(host, listener, routes, runner)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run as a process until a signal arrives."""
    arguments_by_name = vars(_parser().parse_args(arguments))
    host, port = arguments_by_name.pop("host"), arguments_by_name.pop("port")
    options = {name: value for name, value in arguments_by_name.items() if value is not None}
    serve_practice(host, port, options, ready=_print_address)


def serve_practice(
    host: str, port: int, options: Mapping[str, Any], *, ready: Callable[[PracticeServer], None]
) -> None:
    """Serve until SIGTERM or SIGINT; ``ready`` is called once. Raises what ``start_practice`` raises."""
    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(host, port, options, ready))


def _print_address(server: PracticeServer) -> None:
    line = orjson.dumps({"url": server.url, "port": server.port, "pid": os.getpid()})
    sys.stdout.write(line.decode() + "\n")
    sys.stdout.flush()


async def _serve(
    host: str, port: int, options: Mapping[str, Any], ready: Callable[[PracticeServer], None]
) -> None:
    ended = asyncio.Event()
    with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C raises instead
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, ended.set)
    async with await start_practice(host=host, port=port, **options) as server:
        ready(server)
        await ended.wait()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # noqa: PLC0415  # it does not exist on Windows
    except ImportError:
        return None
    return uvloop.new_event_loop


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="practice", description="The practice provider: a mock image provider."
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument(
        "--rate", dest="rates", action=_Rate, metavar="KIND=SHARE", help="share of calls that fail so"
    )
    parser.add_argument("--fail", action="append", metavar="KIND", help="failure of all calls")
    for name, field in PracticeOptions.model_fields.items():
        if name not in ("rates", "fail"):
            parser.add_argument(f"--{name.replace('_', '-')}", dest=name, help=field.description)
    return parser


class _Rate(argparse.Action):
    """Collects ``--rate 429=0.1 --rate cut=0.02`` into one mapping."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option: str | None = None,
    ) -> None:
        kind, _, share = str(values).partition("=")
        setattr(namespace, self.dest, {**(getattr(namespace, self.dest) or {}), kind: share})
