"""Clients that break off streams, long polls and bodies leave no task and no log line."""

import asyncio
import gc
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from structlog.testing import capture_logs
from uvicorn.server import ServerState

from api.web.http_protocol import HttpLimits, LimitedHttpProtocol, OpenConnections
from models.settings import Settings
from tests.api.conftest import started
from tests.api.service import ALICE, Service

CLIENTS = 30
RESET = struct.pack("ii", 1, 0)  # SO_LINGER of a connection that ends by a reset
REQUESTS = {
    "streams": "GET /v1/jobs/{job}/events HTTP/1.1\r\n",
    "long polls": "GET /v1/jobs/{job}?wait=50 HTTP/1.1\r\n",
    "submits that wait": "POST /v1/jobs HTTP/1.1\r\nPrefer: wait=50\r\nContent-Length: {length}\r\n",
    "bodies": "POST /v1/jobs HTTP/1.1\r\nContent-Length: 999\r\n",
}
BODY = '{"model": "m", "prompt": "a"}'


@asynccontextmanager
async def listening(service: Service) -> AsyncIterator[int]:
    """Serve the app on a port, by the protocol of ``darkroom serve``."""
    config = uvicorn.Config(service.app, log_config=None)
    config.load()
    opened = OpenConnections(HttpLimits(connections=1000, connections_per_address=1000))

    def protocol() -> LimitedHttpProtocol:
        return LimitedHttpProtocol(config=config, server_state=ServerState(), app_state={}, opened=opened)

    listener = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    async with listener:
        yield listener.sockets[0].getsockname()[1]


async def break_off(port: int, request: str, pause: float) -> None:
    """Send a request, and reset the connection a moment later."""
    body = BODY if request.startswith("POST") else ""
    head = f"{request}Host: localhost\r\nAuthorization: Bearer {ALICE}\r\n\r\n{body}"
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head.encode())
    await writer.drain()
    await asyncio.sleep(pause)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


@pytest.mark.parametrize("name", REQUESTS)
async def test_clients_that_break_off_leave_nothing(
    make_settings: Callable[..., Settings], name: str, caplog: pytest.LogCaptureFixture
) -> None:
    faults: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    async with started(make_settings()) as service:
        job = await service.submit()
        before = asyncio.all_tasks()
        request = REQUESTS[name].format(job=job["id"], length=len(BODY))
        with capture_logs() as logs:
            async with listening(service) as port:
                # broken off at different moments: while the database is read, and while they wait
                await asyncio.gather(*(break_off(port, request, n * 0.01) for n in range(CLIENTS)))
                async with asyncio.timeout(20):
                    while asyncio.all_tasks() - before:  # noqa: ASYNC110 - no event says that a task ended
                        await asyncio.sleep(0.01)
        gc.collect()
        limits = service.services.ceilings
        assert not limits.event_streams._open
        assert not limits.long_polls._open
        assert service.services.watcher._waiters == {}
    assert faults == []
    assert [entry for entry in logs if entry["log_level"] in ("warning", "error")] == []
    assert [record.message for record in caplog.records if record.name in ("asyncio", "uvicorn.error")] == []
