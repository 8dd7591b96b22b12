"""The harness: an installation on which time passes, and a client program that reads answers strictly."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from tests.api.midjourney.stack import MidjourneyStack, open_stack
from tests.support.darkroom import Clock


@dataclass(frozen=True)
class Answer:
    """An answer, of which a client reads members."""

    status: int
    body: bytes

    @property
    def content(self) -> Any:
        """The JSON that every answer has."""
        return json.loads(self.body)

    def read(self, path: str, *kinds: type | None) -> Any:
        """Return a member by its path, such as ``buttons.0.customId``; fails if it is missing.

        ``kinds`` are the types that the client takes, ``None`` for ``null``: another type fails, too.
        """
        value = self.content
        for part in path.split("."):
            assert isinstance(value, dict | list), (path, value)
            key: Any = int(part) if isinstance(value, list) else part
            assert isinstance(value, list) or key in value, f"the client reads {path}, which is missing"
            value = value[key]
        types = {type(None) if kind is None else kind for kind in kinds}
        assert type(value) in types, f"the client reads {path} as {types}, and gets {value!r}"
        return value


@dataclass(frozen=True)
class ClientProgram:
    """A program that was given an address and a key, and sends these headers with each request."""

    http: httpx.AsyncClient
    base: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    async def get(self, path: str, *, content: bytes | None = None) -> Answer:
        """Send a GET."""
        return await self._send("GET", path, content)

    async def post(self, path: str, body: object) -> Answer:
        """Send a POST with JSON."""
        return await self._send("POST", path, json.dumps(body).encode())

    async def picture(self, url: str) -> bytes:
        """Download a picture as browsers and chat programs do: without a key."""
        answer = await self.http.get(url)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")
        return answer.content

    async def _send(self, method: str, path: str, content: bytes | None) -> Answer:
        answer = await self.http.request(method, self.base + path, headers=self.headers, content=content)
        assert answer.headers["content-type"].startswith("application/json")
        return Answer(answer.status_code, answer.content)


@dataclass(frozen=True)
class Installation:
    """API and worker. Time stands still until a test lets it pass."""

    stack: MidjourneyStack
    clock: Clock

    def client(self, base: str = "", **headers: str) -> ClientProgram:
        """Return a client program; ``_`` in the names of headers is written ``-``."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return ClientProgram(self.stack.service.client, base, named)

    def passes(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.forward(seconds=seconds)

    async def draw(self) -> None:
        """Let the worker make all calls, and end the tasks whose calls are done."""
        worker, clock = self.stack.worker, self.stack.darkroom.clock
        clock.at = self.clock.at = max(self.clock.at, datetime.now(UTC))
        await worker.dispatcher.run_round()
        await worker.deliver()
        await self.stack.completer.run_round()


@asynccontextmanager
async def open_installation(url: str, folder: Path, **settings: Any) -> AsyncIterator[Installation]:
    """Open an installation with practice models for pictures, texts and videos."""
    given = {
        "midjourney_text_model": "practice-text",
        "midjourney_video_model": "practice-video",
        "midjourney_instant_delay": 2.5,
        "request_body_limit": 40 * 2**20,
        **settings,
    }
    async with open_stack(url, folder, **given) as stack:
        clock = Clock()
        stack.service.app.state.services = replace(stack.service.services, clock=clock)
        yield Installation(stack, clock)
