"""Answers of jobs that take longer than a client waits: nothing is lost, and nothing is paid twice."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai.types import ImagesResponse

from tests.api.openai.stack import MODEL, PATIENT, OpenAiStack, open_stack
from tests.api.service import ALICE

ASK = {"model": MODEL, "prompt": "a red fox"}


def asking(**practice: Any) -> dict[str, Any]:
    """Return the members of a request whose answer the practice provider delays or spoils."""
    return {**ASK, "practice": practice}


async def generate(
    stack: OpenAiStack, body: dict[str, Any], *, blocking: bool, **options: Any
) -> ImagesResponse:
    """Ask for a picture by the official client of either kind."""
    if blocking:
        return await stack.blocking(lambda client: client.images.generate(**ASK, extra_body=body), **options)
    return await stack.client(**options).images.generate(**ASK, extra_body=body)


async def test_a_slow_answer_begins_with_white_space_and_is_valid_json(stack: OpenAiStack) -> None:
    answer = await stack.post("/images/generations", json=asking(delay=1))

    assert answer.content.startswith(b"  "), "white space kept the connection alive"
    assert answer.json()["data"][0]["url"]
    assert answer.headers["content-type"] == "application/json"
    [job] = await stack.jobs()
    assert answer.headers["x-darkroom-job"] == answer.json()["darkroom"]["job"]
    assert job.status == "succeeded"


async def test_no_read_timeout_ends_a_slow_answer(stack: OpenAiStack) -> None:
    client = stack.client(timeout=2, max_retries=0)
    answer = await client.images.generate(**ASK, extra_body={"practice": {"delay": 3}})
    assert answer.data
    assert len(stack.calls) == 1


async def test_an_early_failure_has_its_true_status(stack: OpenAiStack) -> None:
    client = stack.client(max_retries=5)
    with pytest.raises(openai.BadRequestError) as refused:
        await client.images.generate(**ASK, extra_body={"practice": {"fail": "moderation"}})
    assert (refused.value.code, refused.value.type) == ("moderation_blocked", "image_generation_user_error")
    assert refused.value.response.headers["x-should-retry"] == "false"
    assert refused.value.request_id
    assert len(stack.calls) == len(await stack.jobs()) == 1


@pytest.mark.parametrize("blocking", [False, True])
async def test_a_late_failure_cuts_the_connection_and_the_joined_repetition_gets_its_true_status(
    stack: OpenAiStack, blocking: bool
) -> None:
    body = {"practice": {"fail": "lost_upstream", "delay": 1}, "darkroom": {"on_unknown": "fail"}}
    with pytest.raises(openai.InternalServerError) as failed:
        await generate(stack, body, blocking=blocking)
    assert failed.value.response.request.headers["x-stainless-retry-count"] == "1"
    assert failed.value.response.headers["x-should-retry"] == "false"
    assert len(stack.calls) == len(await stack.jobs()) == 1


@pytest.mark.parametrize("blocking", [False, True])
async def test_a_client_that_gives_up_early_is_joined_to_its_own_call(
    sqlite_url: str, tmp_path: Path, blocking: bool
) -> None:
    async with open_stack(sqlite_url, tmp_path, openai_wait=30) as stack:  # no white space in time
        body = {"practice": {"delay": 1.2}}
        answer = await generate(stack, body, blocking=blocking, timeout=0.5, max_retries=PATIENT)
        assert answer.data
        assert len(stack.calls) == len(await stack.jobs()) == 1


async def test_a_program_with_a_retry_of_its_own_is_joined_once_it_has_gone(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with open_stack(sqlite_url, tmp_path, openai_wait=30) as stack:
        with pytest.raises(httpx.ReadTimeout):
            await stack.post("/images/generations", json=asking(delay=1), timeout=0.3)
        answer = await stack.post("/images/generations", json=asking(delay=1))
        assert answer.status_code == 200
        assert len(stack.calls) == len(await stack.jobs()) == 1


async def test_a_job_that_is_held_is_an_error_that_says_so_and_is_not_called_again(
    stack: OpenAiStack,
) -> None:
    with pytest.raises(openai.InternalServerError) as held:
        await stack.client().images.generate(**ASK, extra_body={"practice": {"fail": "drop"}})
    assert held.value.code == "unknown_outcome"
    assert "/v1/jobs/job_" in held.value.message
    [job] = await stack.jobs()
    assert (job.status, len(stack.calls)) == ("held", 1)


async def test_a_client_that_disconnects_does_not_stop_its_call(stack: OpenAiStack) -> None:
    with pytest.raises(httpx.ReadTimeout):
        await stack.post("/images/generations", json=asking(delay=0.8), timeout=0.4)
    await stack.until(1, "succeeded")
    shown = await stack.request("GET", "/jobs?surface=openai", key=ALICE)
    assert [job["status"] for job in shown.json()["data"]] == ["succeeded"]


async def test_requests_that_wait_are_bounded(sqlite_url: str, tmp_path: Path) -> None:
    async with open_stack(sqlite_url, tmp_path, long_polls=1) as stack:
        client = stack.client(max_retries=0)
        body = {"practice": {"delay": 1}}
        first = asyncio.create_task(client.images.generate(**ASK, extra_body=body))
        await stack.darkroom.provider.call_log.wait_until(lambda log: bool(log.calls))
        await asyncio.sleep(0.6)  # its response has begun
        with pytest.raises(openai.RateLimitError):
            await client.images.generate(**ASK)
        assert (await first).data
        assert (await client.images.generate(**ASK)).data
        assert len(stack.calls) == 2
