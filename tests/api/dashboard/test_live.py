"""The stream of a page, over ASGI: what has changed, and how new the data is."""

import asyncio
from typing import Any

from tests.api.dashboard.visitor import Visitor, visit
from tests.api.service import ADMIN, Service


class Stream:
    """The stream as a browser reads it, until it goes away."""

    def __init__(self, visitor: Visitor) -> None:
        self.text, self.status = "", 0
        self._gone, self._news = asyncio.Event(), asyncio.Condition()
        cookie = "; ".join(f"{name}={value}" for name, value in visitor.cookies.items())
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "path": "/dashboard/events",
            "raw_path": b"/dashboard/events",
            "query_string": b"",
            "root_path": "",
            "scheme": "http",
            "server": ("darkroom.test", 80),
            "client": ("127.0.0.1", 1),
            "headers": [(b"host", b"darkroom.test"), (b"cookie", cookie.encode())],
        }
        self._task = asyncio.create_task(visitor.service.app(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        self.status = message.get("status", self.status)
        async with self._news:
            self.text += message.get("body", b"").decode()
            self._news.notify_all()

    async def until(self, text: str) -> None:
        """Wait until the stream has a text."""
        async with asyncio.timeout(20), self._news:
            await self._news.wait_for(lambda: text in self.text)

    async def end(self) -> None:
        """Go away, or wait for the end."""
        self._gone.set()
        await asyncio.wait_for(self._task, 10)


async def test_a_stream_names_what_has_changed_and_how_new_the_data_is(service: Service) -> None:
    stream = Stream(await visit(service, ADMIN))
    await stream.until("event: alive")
    await service.submit()
    await stream.until("event: changed\ndata: jobs\n\n")
    assert stream.status == 200
    await stream.end()


async def test_a_stream_ends_when_the_process_shuts_down(service: Service) -> None:
    stream = Stream(await visit(service, ADMIN))
    await stream.until("event: alive")
    service.services.changes.release()
    await stream.end()


async def test_without_a_session_there_is_no_stream(service: Service) -> None:
    stream = Stream(Visitor(service, {"darkroom": "x"}))
    await stream.end()
    assert stream.status == 303
