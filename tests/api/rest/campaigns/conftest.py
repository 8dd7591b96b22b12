"""A running API with a planned campaign."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.api.service import Service

SPRING = "/v1/campaigns/spring"
DEFINITION: dict[str, Any] = {
    "name": "spring",
    "model": "gpt-image",
    "template": {"prompt": "a {colour} {thing|cat}"},
}
Create = Callable[..., Awaitable[dict[str, Any]]]
Import = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
def create(service: Service) -> Create:
    """Create the campaign ``spring``, with further members of its definition."""

    async def make(**members: Any) -> dict[str, Any]:
        answer = await service.post("/v1/campaigns", json=DEFINITION | members)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    return make


@pytest.fixture
def load(service: Service) -> Import:
    """Import a sheet into ``spring``."""

    async def send(content: bytes | str, kind: str = "text/csv", **query: Any) -> dict[str, Any]:
        body = content.encode() if isinstance(content, str) else content
        answer = await service.post(
            f"{SPRING}/rows", content=body, headers={"Content-Type": kind}, params=query
        )
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    return send
