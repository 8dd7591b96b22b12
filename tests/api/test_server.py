"""Listening on an address, and ending on signals."""

import signal
from contextlib import closing
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI

from api.server import _Server, listen, server_config
from api.web.http_protocol import HttpLimits
from models.errors import SettingsError


def test_port_0_listens_on_a_free_port() -> None:
    with closing(listen("127.0.0.1", 0)) as first, closing(listen("127.0.0.1", 0)) as second:
        assert 0 < first.getsockname()[1] != second.getsockname()[1] > 0


def test_a_port_in_use_is_one_sentence_that_names_the_option() -> None:
    with closing(listen("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=rf"Port {port} on 127\.0\.0\.1 is in use .* --port"):
            listen("127.0.0.1", port)


def test_an_address_of_another_machine_names_the_options() -> None:
    with pytest.raises(SettingsError, match=r"192\.0\.2\.1:0 can't be listened on: .* --host and --port"):
        listen("192.0.2.1", 0)  # TEST-NET-1 (RFC 5737)


def test_a_malformed_host_names_the_option() -> None:
    with pytest.raises(SettingsError, match="--host"):
        listen("256.256.256.256.", 0)


def test_the_first_signal_shuts_down_gracefully_and_the_second_at_once() -> None:
    server = _Server(FastAPI(), uvicorn.Config(FastAPI()), None)
    server.handle_exit(signal.SIGTERM, None)
    assert (server.should_exit, server.force_exit) == (True, False)
    server.handle_exit(signal.SIGTERM, None)
    assert server.force_exit


def test_the_handlers_of_signals_are_restored_after_serving() -> None:
    server = _Server(FastAPI(), uvicorn.Config(FastAPI()), None)
    before = signal.getsignal(signal.SIGTERM)
    with server.capture_signals():
        signal.raise_signal(signal.SIGTERM)
        assert server.should_exit
    assert signal.getsignal(signal.SIGTERM) is before


async def test_the_address_of_a_client_is_that_of_its_connection_whatever_headers_claim() -> None:
    seen: list[object] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope["client"], scope["scheme"]))

    config = server_config(app, HttpLimits(1, 1))  # type: ignore[arg-type]  # any ASGI application
    config.load()
    claimed = [(b"x-forwarded-for", b"10.1.2.3"), (b"x-forwarded-proto", b"https")]
    scope = {"type": "http", "client": ("127.0.0.1", 1), "scheme": "http", "headers": claimed}
    await config.loaded_app(scope, None, None)  # type: ignore[arg-type]  # nothing is received or sent
    assert seen == [(("127.0.0.1", 1), "http")]
