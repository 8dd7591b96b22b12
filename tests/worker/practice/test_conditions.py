"""Conditions can be changed at run time, and the call log records their effect."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from tests.worker.practice.conftest import Chat
from worker.practice.conditions import ConditionControl
from worker.practice.options import PracticeOptions
from worker.practice.server import PracticeServer, start_practice

Change = Callable[..., Awaitable[int]]


@pytest.fixture
def change(client: aiohttp.ClientSession) -> Change:
    """Apply new conditions; returns the status of the response."""

    async def post(**members: Any) -> int:
        async with client.post("/practice/weather", json=members) as response:
            await response.read()
            return response.status

    return post


def outcomes(server: PracticeServer) -> list[str]:
    return [call.outcome for call in server.call_log.calls]


async def test_a_failure_of_the_conditions_applies_to_every_call(
    chat: Chat, change: Change, server: PracticeServer
) -> None:
    assert await change(fail="429") == 200
    struck = [(await chat("a cat")).status, (await chat("#case:R002")).status]
    await change()

    assert struck == [429, 429]
    assert (await chat("a cat")).status == 200
    assert outcomes(server) == ["429", "429", "picture"]


async def test_a_failure_may_apply_to_a_share_of_the_calls(chat: Chat, change: Change) -> None:
    await change(fail="503", share=0.5)
    statuses = [(await chat(f"cat {number}")).status for number in range(60)]

    assert 15 < statuses.count(503) < 45


@pytest.mark.parametrize(
    ("announce", "header"),
    [("retry_after", "Retry-After"), ("headers", "X-RateLimit-Reset-Requests"), ("nothing", None)],
)
@pytest.mark.parametrize("conditions", [{"fail": "429"}, {"rpm": 1}, {"concurrency": 1}])
async def test_a_limit_may_be_announced_or_not(
    chat: Chat,
    change: Change,
    server: PracticeServer,
    conditions: dict[str, Any],
    announce: str,
    header: str | None,
) -> None:
    await change(**conditions, announce=announce)
    other = asyncio.ensure_future(chat("a dog [hang]" if "concurrency" in conditions else "a dog"))
    await server.call_log.wait_until(lambda log: len(log.calls) == 1)
    answer = await chat("a cat")
    other.cancel()

    assert answer.status == 429
    assert {"Retry-After", "X-RateLimit-Reset-Requests"} & answer.headers.keys() == (
        {header} if header else set()
    )


async def test_a_limit_of_the_conditions_replaces_the_default() -> None:
    body = {"messages": [{"role": "user", "content": "a cat"}]}
    async with (
        await start_practice(rpm=1, picture="tiny") as server,
        aiohttp.ClientSession(server.url) as client,
    ):
        for conditions in ({"rpm": None}, {}):
            await client.post("/practice/weather", json=conditions)
            for _ in range(2):
                await client.post("/v1/chat/completions", json=body)

    assert outcomes(server) == ["picture", "picture", "picture", "limited"]


async def test_a_delay_of_the_conditions_applies_to_every_call(
    chat: Chat, change: Change, server: PracticeServer
) -> None:
    await change(delay="60-90")
    body = {"messages": [{"role": "user", "content": "a cat [delay 0]"}]}
    async with aiohttp.ClientSession(server.url, timeout=aiohttp.ClientTimeout(total=0.2)) as client:
        with pytest.raises(TimeoutError):
            await client.post("/v1/chat/completions", json=body)


async def test_refused_connections_come_back_after_their_time(
    change: Change, chat: Chat, server: PracticeServer
) -> None:
    await change(refuse=True, seconds=0.3)
    async with aiohttp.ClientSession() as stranger:
        with pytest.raises(aiohttp.ClientConnectorError):
            await stranger.get(f"{server.url}/v1/models")
    with pytest.raises(aiohttp.ClientError):
        await chat("a cat")  # on the connection that stands
    await server.listener.opened.wait()

    assert (await chat("a cat")).status == 200
    assert outcomes(server) == ["drop", "picture"]


@pytest.mark.parametrize(
    ("members", "named"),
    [({"refuse": True}, "seconds"), ({"fail": "often"}, "fail"), ({"wind": 3}, "wind"), ({"rpm": 0}, "rpm")],
)
async def test_invalid_conditions_are_refused_with_the_reason(
    client: aiohttp.ClientSession, members: dict[str, Any], named: str
) -> None:
    async with client.post("/practice/weather", json=members) as response:
        assert response.status == 400
        assert named in (await response.json())["error"]["message"]


@pytest.mark.parametrize("body", [b"[1]", b"{", b"3"])
async def test_conditions_that_are_no_object_are_refused(client: aiohttp.ClientSession, body: bytes) -> None:
    async with client.post("/practice/weather", data=body) as response:
        assert response.status == 400


async def test_conditions_and_call_log_can_be_read(
    chat: Chat, change: Change, client: aiohttp.ClientSession
) -> None:
    await change(fail="500", seconds=600)
    await chat("a cat", headers={"Authorization": "Bearer secret"})
    async with client.get("/practice/weather") as response:
        assert (await response.json())["fail"] == "500"
    async with client.get("/practice/ledger") as response:
        (call,) = (await response.json())["calls"]

    assert (call["prompt"], call["outcome"], call["charged"]) == ("a cat", "500", False)
    assert call["key_hash"]
    assert call["received_at"]


def test_the_defaults_return_when_the_duration_is_over() -> None:
    control = ConditionControl(PracticeOptions(rpm=5))
    control.apply({"fail": "502", "seconds": 10}, 100)

    assert (control.current(109).fail, control.current(109).rpm) == ("502", 5)
    assert (control.current(110).fail, control.current(110).rpm) == (None, 5)
