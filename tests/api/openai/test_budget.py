"""A used up budget is OpenAI's error of an account without money, on each path, and nothing is called."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import openai
import pytest
from sqlalchemy import select

from models.tables import callers
from tests.api.openai.batches.batch_stack import line, open_batch_stack
from tests.api.openai.pictures import png
from tests.api.openai.stack import MODEL, OpenAiStack, open_stack
from tests.support.priced import limit_caller, limit_campaign

PRICED = {
    "name": "priced",
    "api_key": "practice-key-practice",
    "models": MODEL,
    "prices": {MODEL: {"per_call": 0.1}},
}
MESSAGES: Any = [{"role": "user", "content": "a fox"}]
ASK = {"model": MODEL, "prompt": "a fox"}
WINDOW: Any = {"endpoint": "/v1/images/generations", "completion_window": "24h"}

CALLS: dict[str, Callable[[openai.AsyncOpenAI], Awaitable[Any]]] = {
    "generation": lambda client: client.images.generate(**ASK),
    "stream of a generation": lambda client: client.images.generate(**ASK, stream=True),
    "edit": lambda client: client.images.edit(**ASK, image=("a.png", png())),
    "task": lambda client: client.images.generate(**ASK, extra_query={"async": "true"}),
    "chat": lambda client: client.chat.completions.create(model=MODEL, messages=MESSAGES),
    "stream of a chat": lambda client: client.chat.completions.create(
        model=MODEL, messages=MESSAGES, stream=True
    ),
    "response": lambda client: client.responses.create(model=MODEL, input="a fox"),
    "background": lambda client: client.responses.create(model=MODEL, input="a fox", background=True),
}


@pytest.fixture
async def priced(sqlite_url: str, tmp_path: Path) -> AsyncIterator[OpenAiStack]:
    """A stack whose calls cost 10 cents."""
    async with open_stack(sqlite_url, tmp_path, channel=PRICED) as opened:
        yield opened


async def caller_of(stack: OpenAiStack) -> Any:
    async with stack.darkroom.services.database.reading() as connection:
        return await connection.scalar(select(callers.c.id).order_by(callers.c.created_at).limit(1))


async def refused(call: Awaitable[Any], *, at_once: bool = True) -> openai.RateLimitError:
    with pytest.raises(openai.RateLimitError) as found:
        await call
    error = found.value
    assert (error.code, error.type) == ("insufficient_quota", "insufficient_quota")
    if at_once:
        assert error.response.request.headers["x-stainless-retry-count"] == "0", "it was asked once"
    assert "Nothing was sent" in error.message
    return error


async def test_every_path_says_that_the_budget_of_its_caller_is_used_up(priced: OpenAiStack) -> None:
    client = priced.client()
    file = await client.files.create(file=("in.jsonl", b"{}\n"), purpose="batch")
    caller = await caller_of(priced)
    await limit_caller(priced.darkroom, caller, "0.05USD")

    first = await refused(client.images.generate(**ASK), at_once=False)
    assert "The budget of its caller" in first.message
    [job] = await priced.jobs()
    assert (job.status, job.error["code"]) == ("cancelled", "budget_exhausted")
    assert first.response.headers["x-darkroom-job"]
    for call in CALLS.values():
        await refused(call(client))
    await refused(client.batches.create(input_file_id=file.id, **WINDOW))
    assert [each.id async for each in client.batches.list()] == []
    assert len(await priced.jobs()) == 1, "nothing half-made"

    await limit_caller(priced.darkroom, caller, "0.15USD")
    priced.service.app.state.services.snapshots.clear()  # it is a quarter of a second old at most
    headers = {"Idempotency-Key": "paid"}
    made = await client.images.generate(**ASK, extra_headers=headers)
    with pytest.raises(openai.APIError) as late:
        async for _ in await client.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True):
            pass
    assert late.value.code == "insufficient_quota", "the stream had begun"
    again = await client.images.generate(**ASK, extra_headers=headers)
    assert again.data
    assert made.data
    assert again.data[0].url == made.data[0].url, "what was paid is answered"
    assert len(priced.calls) == 1


async def test_the_budget_of_a_campaign_that_a_request_names_counts_too(priced: OpenAiStack) -> None:
    client, own = priced.client(), {"darkroom": {"campaign": "spring"}}
    await client.files.list()
    await limit_campaign(priced.darkroom, await caller_of(priced), "spring", "0.15USD")
    assert (await client.images.generate(**ASK, extra_body=own)).data
    for _ in range(2):
        failed = await refused(client.images.generate(**ASK, extra_body=own), at_once=False)
        assert "The budget of its campaign" in failed.message
    assert (await client.images.generate(**ASK)).data, "other requests go on"
    assert len(priced.calls) == 2


async def test_a_batch_keeps_the_budget_of_its_extra_body_and_says_which_lines_had_none(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with open_batch_stack(sqlite_url, tmp_path, channel=PRICED) as batches:
        client = batches.stack.client()
        lines = [line(f"{number}", f"fox {number}") for number in range(4)]
        members = {
            "priority": 7,
            "windows": [{"from": "00:00", "to": "23:59"}, {"from": "23:59", "to": "00:00"}],
        }
        budget = {"amount": "0.25", "currency": "USD"}
        created = await batches.create(lines, budget=budget, limits={"concurrency": 1}, **members)
        state: dict[str, Any] = {}
        async with asyncio.timeout(20):
            while not state.get("paused"):
                await asyncio.sleep(0.03)
                shown = await client.batches.retrieve(created.id)
                state = (shown.model_extra or {})["x_state"] or {}
        assert (shown.status, state["reason"]) == ("in_progress", "budget")
        await client.batches.cancel(created.id)
        ended = await batches.until(shown)
        assert ended.status == "cancelled"
        assert len(await batches.lines(ended.output_file_id)) == 2
        errors = await batches.lines(ended.error_file_id)
        assert [each["error"]["code"] for each in errors] == ["budget_exhausted"] * 2
        assert len(batches.stack.calls) == 2
        assert {job.priority for job in await batches.stack.jobs()} == {7}

        await limit_caller(batches.stack.darkroom, await caller_of(batches.stack), "0.21USD")
        waiting = await batches.create([line("late")])
        async with asyncio.timeout(20):
            while not (state.get("detail") or "").startswith("The budget of its caller"):
                await asyncio.sleep(0.03)
                shown = await client.batches.retrieve(waiting.id)
                state = (shown.model_extra or {})["x_state"] or {}
        assert (shown.status, state["paused"], state["reason"]) == ("in_progress", False, "budget")
        assert len(batches.stack.calls) == 2
