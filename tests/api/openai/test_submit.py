"""One request, one job: repetitions, keys, limits and fields of the native API."""

import asyncio
from pathlib import Path

import httpx
import openai
import pytest
from sqlalchemy import select

from models.queries.openai.requests import RequestState
from models.tables import openai_requests
from tests.api.openai.stack import MODEL, OpenAiStack, open_stack

ASK = {"model": MODEL, "prompt": "a red fox"}
JOB = "x-darkroom-job"


async def states(stack: OpenAiStack) -> set[str]:
    """Return what is known of the clients of all requests."""
    async with stack.darkroom.services.database.reading() as connection:
        return set(await connection.scalars(select(openai_requests.c.state)))


async def set_delay(stack: OpenAiStack, seconds: float) -> None:
    """Let the provider take so long for each call that comes from now on."""
    async with httpx.AsyncClient(base_url=stack.darkroom.provider.url, trust_env=False) as provider:
        (await provider.post("/practice/weather", json={"delay": seconds})).raise_for_status()


async def test_whoever_asks_twice_for_the_same_gets_two_pictures(stack: OpenAiStack) -> None:
    client = stack.client()
    first, second = await asyncio.gather(*(client.images.generate(**ASK) for _ in range(2)))
    third = await client.images.generate(**ASK)
    assert len({each.data[0].url for each in (first, second, third) if each.data}) == 3
    assert len(stack.calls) == 3


async def test_two_equal_requests_that_both_time_out_get_the_pictures_of_both(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with open_stack(sqlite_url, tmp_path, openai_wait=30) as stack:

        async def ask(count: int) -> str:
            headers = {"x-stainless-retry-count": str(count)}
            return (await stack.post("/images/generations", json=body, headers=headers)).headers[JOB]

        body = ASK | {"practice": {"delay": 3}}
        first = [asyncio.create_task(ask(0)) for _ in range(2)]
        await stack.until(2, "running")
        for each in first:
            each.cancel()
        await asyncio.gather(*first, return_exceptions=True)
        async with asyncio.timeout(20):
            while await states(stack) != {RequestState.ABANDONED}:  # noqa: ASYNC110 - SQL
                await asyncio.sleep(0.02)
        assert len(set(await asyncio.gather(ask(1), ask(1)))) == len(stack.calls) == 2


async def test_what_a_limit_refused_is_no_repetition_when_it_is_sent_again(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with open_stack(sqlite_url, tmp_path, openai_wait=30, long_polls=1) as stack:

        async def ask(count: int) -> tuple[int, str]:
            headers = {"x-stainless-retry-count": str(count)}
            answer = await stack.post("/images/generations", json=ASK, headers=headers)
            return answer.status_code, answer.headers.get(JOB, "")

        await set_delay(stack, 4)
        first = asyncio.create_task(ask(0))
        await stack.until(1, "running")
        await set_delay(stack, 0)
        assert await ask(0) == (429, "")
        made = [await first, await ask(1), await ask(1)]  # the last one repeats what was accepted
        assert [status for status, _ in made] == [200] * 3
        assert len({job for _, job in made}) == len(stack.calls) == 2


async def test_an_idempotency_key_makes_one_job_of_any_number_of_requests(each_stack: OpenAiStack) -> None:
    client = each_stack.client()
    headers = {"Idempotency-Key": "one"}
    answers = await asyncio.gather(*(client.images.generate(**ASK, extra_headers=headers) for _ in range(5)))
    assert len({answer.data[0].url for answer in answers if answer.data}) == 1
    assert len(each_stack.calls) == len(await each_stack.jobs()) == 1

    with pytest.raises(openai.BadRequestError) as reused:
        await client.images.generate(model=MODEL, prompt="another", extra_headers=headers)
    assert reused.value.code == "idempotency_key_reused"


async def test_a_repetition_says_so_and_is_joined_even_while_the_first_is_submitted(
    each_stack: OpenAiStack,
) -> None:
    answers = await asyncio.gather(
        *(
            each_stack.post("/images/generations", json=ASK, headers={"x-stainless-retry-count": str(count)})
            for count in (0, 1, 2, 1)
        )
    )
    assert len({answer.headers["x-darkroom-job"] for answer in answers}) == 1
    assert len(each_stack.calls) == 1


async def test_fields_of_the_native_api_are_those_of_the_job(stack: OpenAiStack) -> None:
    own = {"tags": ["spring"], "campaign": "may", "expires_in": 60}
    body = {"darkroom": own, "service_tier": "priority", "metadata": {"a": "b"}}
    await stack.client().images.generate(**ASK, extra_body=body)
    [job] = await stack.jobs()
    assert (job.tags, job.campaign, job.priority, job.metadata) == (["spring"], "may", 7, {"a": "b"})
    assert job.expires_at is not None


async def test_a_full_queue_is_a_rate_limit(sqlite_url: str, tmp_path: Path) -> None:
    async with open_stack(sqlite_url, tmp_path, max_queued=1) as stack:
        later = {"darkroom": {"not_before": "2099-01-01T00:00:00Z"}}
        waiting = asyncio.create_task(stack.post("/images/generations", json=ASK | later))
        await stack.until(1, "queued")
        with pytest.raises(openai.RateLimitError) as full:
            await stack.client(max_retries=0).images.generate(**ASK)
        assert (full.value.code, full.value.response.headers["retry-after"]) == ("queue_full", "10")
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
