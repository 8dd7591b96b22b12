"""Waiting for a job while the client is connected."""

import asyncio
from typing import Any

import pytest
from starlette.requests import ClientDisconnect
from starlette.types import Message

from api.jobs.long_poll import wait_while_connected
from api.jobs.watcher import is_settled
from api.web.body_budget import BodyBudget
from api.web.request_body import BodyLimit, RequestBody
from tests.api.service import S, Service, key_of


def connection() -> tuple[RequestBody, asyncio.Event]:
    """Return the body of a client, and an event that ends the client."""
    gone = asyncio.Event()

    async def receive() -> Message:
        await gone.wait()
        return {"type": "http.disconnect"}

    scope: dict[str, Any] = {"headers": []}
    return RequestBody(scope, receive, limit=BodyLimit(1), budget=BodyBudget(1), drain_timeout=1), gone


async def test_a_change_is_returned_to_a_client_that_waits(service: Service) -> None:
    job, (body, _) = await service.submit(), connection()
    watcher = service.services.watcher
    waiting = asyncio.create_task(wait_while_connected(body, watcher, key_of(job), is_settled, timeout=30))
    await service.move(job, S.QUEUED, S.CANCELLED)
    assert await waiting == (2, "cancelled")
    assert await wait_while_connected(body, watcher, key_of(job), is_settled, timeout=30) is not None


async def test_a_wait_ends_with_its_client_and_leaves_no_task(service: Service) -> None:
    job, (body, gone) = await service.submit(), connection()
    watcher, before = service.services.watcher, asyncio.all_tasks()
    waiting = asyncio.create_task(wait_while_connected(body, watcher, key_of(job), is_settled, timeout=30))
    await asyncio.sleep(0)
    gone.set()
    with pytest.raises(ClientDisconnect):
        await waiting
    left = {task.get_name() for task in asyncio.all_tasks() - before}
    assert left <= {"watcher"}


async def test_a_wait_without_a_change_ends_at_its_timeout(service: Service) -> None:
    job, (body, _) = await service.submit(), connection()
    watcher = service.services.watcher
    assert await wait_while_connected(body, watcher, key_of(job), is_settled, timeout=0.01) is None
