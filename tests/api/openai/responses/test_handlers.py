"""The Responses API with the official SDK: background, streams, turns, cancel and delete."""

import asyncio
import base64
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.api.openai.pictures import png
from tests.api.openai.stack import MODEL, PATIENT, TEXT_MODEL, OpenAiStack, open_stack
from tests.api.service import BOB
from worker.practice.drawing.png import prompt_of

TOOLS: Any = [{"type": "image_generation", "size": "1024x1024", "quality": "high"}]
ASK: Any = {"model": MODEL, "input": "a red fox", "tools": TOOLS}


async def ended(client: openai.AsyncOpenAI, response_id: str) -> Any:
    """Poll as everybody does."""
    async with asyncio.timeout(20):
        while True:
            found = await client.responses.retrieve(response_id)
            if found.status not in ("queued", "in_progress"):
                return found
            await asyncio.sleep(0.05)


async def test_a_response_in_the_background_is_polled_until_it_has_its_picture(
    each_stack: OpenAiStack,
) -> None:
    client = each_stack.client()
    begun = await client.responses.create(
        **ASK, background=True, metadata={"a": "b"}, extra_body={"practice": {"delay": 0.5}}
    )
    assert (begun.status, begun.background, begun.output) == ("queued", True, [])
    done = await ended(client, begun.id)
    assert (done.status, done.metadata, done.id) == ("completed", {"a": "b"}, begun.id)
    [call] = done.output
    assert call.type == "image_generation_call"
    assert prompt_of(base64.b64decode(call.result)) == "a red fox"
    [job] = await each_stack.jobs()
    assert (job.surface, job.request["size"], job.request["params"]["quality"]) == (
        "openai",
        "1024x1024",
        "high",
    )
    assert len(each_stack.calls) == 1


async def test_without_background_it_is_answered_when_it_is_done(stack: OpenAiStack) -> None:
    done = await stack.blocking(
        lambda client: client.responses.create(**ASK, extra_body={"practice": {"delay": 1}})
    )
    assert (done.status, done.output[0].type) == ("completed", "image_generation_call")
    said = await stack.client().responses.create(model=TEXT_MODEL, input="four prompts")
    assert "1. four prompts" in said.output_text


async def test_a_failure_has_its_true_status_or_is_told_in_the_background(stack: OpenAiStack) -> None:
    client, body = stack.client(), {"practice": {"fail": "moderation"}}
    with pytest.raises(openai.BadRequestError):
        await client.responses.create(**ASK, extra_body=body)
    begun = await client.responses.create(**ASK, background=True, extra_body=body)
    failed = await ended(client, begun.id)
    assert (failed.status, failed.error.code) == ("failed", "image_content_policy_violation")


async def test_edits_go_on_over_several_turns(stack: OpenAiStack) -> None:
    client = stack.client()
    picture = f"data:image/png;base64,{base64.b64encode(png()).decode()}"
    first = await client.responses.create(
        model=MODEL,
        instructions="You draw.",
        input=[
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "make it a fox"},
                    {"type": "input_image", "image_url": picture, "detail": "auto"},
                ],
            }
        ],
    )
    second = await client.responses.create(
        model=MODEL, input="now blue", previous_response_id=first.id, tool_choice={"type": "image_generation"}
    )
    third = await client.responses.create(
        model=MODEL,
        input=[
            {"type": "image_generation_call", "id": second.output[0].id},  # type: ignore[list-item, misc]
            {"role": "user", "content": "now green"},
        ],
    )
    assert third.status == "completed"
    one, two, three = await stack.jobs()
    assert (one.request["system"], len(one.request["images"])) == ("You draw.", 1)
    assert [turn["role"] for turn in two.request["turns"]] == ["user", "assistant"]
    assert len(two.request["images"]) == 2
    assert (two.prompt, two.request.get("wants")) == ("now blue", None)
    assert len(three.request["images"]) == 1
    assert len(stack.calls) == 3


async def test_a_response_is_cancelled_and_deleted(stack: OpenAiStack) -> None:
    client = stack.client()
    begun = await client.responses.create(
        **ASK, background=True, extra_body={"darkroom": {"not_before": "2099-01-01T00:00:00Z"}}
    )
    with pytest.raises(openai.ConflictError):
        await client.responses.delete(begun.id)
    assert (await client.responses.cancel(begun.id)).status == "cancelled"
    assert (await client.responses.cancel(begun.id)).status == "cancelled"
    await client.responses.delete(begun.id)
    with pytest.raises(openai.NotFoundError):
        await client.responses.retrieve(begun.id)
    done = await client.responses.create(**ASK)
    with pytest.raises(openai.BadRequestError):
        await client.responses.cancel(done.id)


async def test_a_stream_has_numbered_events_and_is_resumed_after_any_of_them(stack: OpenAiStack) -> None:
    client = stack.client()
    stream = await client.responses.create(
        **ASK, background=True, stream=True, extra_body={"practice": {"delay": 0.5}}
    )
    events = [event async for event in stream]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert [event.type for event in events[:2]] == ["response.created", "response.in_progress"]
    assert "response.image_generation_call.completed" in [event.type for event in events]
    last: Any = events[-1]
    assert (last.type, last.response.output[0].type) == ("response.completed", "image_generation_call")

    again = await client.responses.retrieve(last.response.id, stream=True, starting_after=3)
    assert [event.sequence_number async for event in again] == list(range(4, len(events)))


async def test_a_stream_that_fails_ends_with_a_failed_response(stack: OpenAiStack) -> None:
    stream = await stack.client().responses.create(
        **ASK, stream=True, extra_body={"practice": {"fail": "moderation"}}
    )
    events = [event async for event in stream]
    assert events[-1].type == "response.failed"


async def test_a_window_is_a_priority_and_a_deadline(stack: OpenAiStack) -> None:
    await stack.client().responses.create(
        **ASK, background=True, extra_body={"background_options": {"completion_window": "8h"}}
    )
    [job] = await stack.jobs()
    assert job.priority == 3
    assert 28_000 < (job.expires_at - job.created_at).total_seconds() <= 28_800


async def test_a_client_that_gives_up_is_joined(sqlite_url: str, tmp_path: Path) -> None:
    async with open_stack(sqlite_url, tmp_path, openai_wait=30) as stack:
        done = await stack.client(timeout=0.5, max_retries=PATIENT).responses.create(
            **ASK, extra_body={"practice": {"delay": 1.2}}
        )
        assert done.status == "completed"
        assert len(stack.calls) == len(await stack.jobs()) == 1


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": [1]}, "input.0"),
        ({"input": [{"type": "reasoning"}]}, "input.0.type"),
        ({"input": [{"role": "x", "content": "a"}]}, "input.0.role"),
        ({"input": [{"role": "user", "content": 1}]}, "input.0.content"),
        ({"input": [{"role": "user", "content": [{"type": "input_image"}]}]}, "input.0.content.0"),
        ({"input": [{"type": "image_generation_call", "id": "ig_x", "result": "A"}]}, "input"),
        ({"input": [{"type": "image_generation_call"}]}, "input.0.id"),
        ({"tools": [{"type": "web_search"}]}, "tools.0.type"),
        ({"tools": 1}, "tools"),
        ({"tools": [{"type": "image_generation", "input_image_mask": {"image_url": "a"}}]}, "tools"),
        ({"background": 1}, "background"),
        ({"instructions": 1}, "instructions"),
        ({"background_options": {"completion_window": "1y"}}, "background_options.completion_window"),
        ({"previous_response_id": "resp_x"}, "previous_response_id"),
    ],
)
async def test_bad_input_is_refused_by_name(stack: OpenAiStack, members: dict[str, Any], param: str) -> None:
    answer = await stack.post("/responses", json=ASK | members)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param), answer.text
    assert not await stack.jobs()


async def test_foreign_responses_and_other_jobs_are_not_found(stack: OpenAiStack) -> None:
    done = await stack.client().responses.create(**ASK)
    with pytest.raises(openai.NotFoundError):
        await stack.client(key=BOB).responses.retrieve(done.id)
    image = await stack.client().images.generate(model=MODEL, prompt="a")
    job = (image.model_extra or {})["darkroom"]["job"]
    for wanted in (job.replace("job", "resp"), job, "resp_x", "../x"):
        with pytest.raises(openai.NotFoundError):
            await stack.client().responses.retrieve(wanted)
