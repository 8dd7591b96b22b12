from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson
import pytest

from worker.practice.server import PracticeServer, start_practice


@dataclass(frozen=True)
class Reply:
    """An answer that was read to its end."""

    status: int
    headers: Mapping[str, str]
    content_type: str
    body: bytes

    def json(self) -> Any:
        return orjson.loads(self.body)


Chat = Callable[..., Awaitable[Reply]]


@pytest.fixture
async def server() -> AsyncIterator[PracticeServer]:
    async with await start_practice(picture="tiny") as practice:
        yield practice


@pytest.fixture
async def client(server: PracticeServer) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(server.url) as session:
        yield session


@pytest.fixture
def chat(client: aiohttp.ClientSession) -> Chat:
    """Call the chat endpoint."""

    async def call(prompt: object, *, headers: dict[str, str] | None = None, **members: Any) -> Reply:
        body = {"model": "any", "messages": [{"role": "user", "content": prompt}], **members}
        async with client.post("/v1/chat/completions", json=body, headers=headers) as response:
            return Reply(
                response.status, dict(response.headers), response.content_type, await response.read()
            )

    return call
