"""One request, one job: repetitions, keys, limits and fields of the native API."""

import asyncio
from pathlib import Path

import openai
import pytest

from tests.api.openai.stack import MODEL, OpenAiStack, open_stack

ASK = {"model": MODEL, "prompt": "a red fox"}


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
        client, slow = stack.client(timeout=0.6), {"practice": {"delay": 2.2}}
        answers = await asyncio.gather(*(client.images.generate(**ASK, extra_body=slow) for _ in range(2)))
        assert len({answer.data[0].url for answer in answers if answer.data}) == len(stack.calls) == 2


async def test_what_a_limit_refused_is_no_repetition_when_it_is_sent_again(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with open_stack(sqlite_url, tmp_path, long_polls=1) as stack:

        async def ask(count: int) -> tuple[int, str]:
            headers = {"x-stainless-retry-count": str(count)}
            answer = await stack.post("/images/generations", json=body, headers=headers)
            return answer.status_code, answer.headers.get("x-darkroom-job", "")

        body = ASK | {"practice": {"delay": 0.6}}
        first = asyncio.create_task(ask(0))
        await stack.until(1, "running")
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
