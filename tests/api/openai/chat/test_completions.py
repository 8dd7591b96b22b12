"""POST /v1/chat/completions with the official SDK: pictures, texts, streams and errors."""

import asyncio
import base64
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.api.openai.pictures import png
from tests.api.openai.stack import MODEL, TEXT_MODEL, OpenAiStack, open_stack

ASK: Any = [{"role": "user", "content": "a red fox"}]
PICTURE = f"data:image/png;base64,{base64.b64encode(png()).decode()}"


async def test_a_picture_is_in_the_content_and_in_the_images_of_the_message(each_stack: OpenAiStack) -> None:
    answer = await each_stack.client().chat.completions.create(model=MODEL, messages=ASK)

    [choice] = answer.choices
    [image] = (choice.message.model_extra or {})["images"]
    assert choice.message.content == f"![image]({image['image_url']['url']})"
    assert answer.usage is not None
    assert choice.finish_reason == "stop"
    assert answer.id.startswith("chatcmpl-")
    [job] = await each_stack.jobs()
    assert (job.prompt, job.surface) == ("a red fox", "openai")


async def test_what_the_provider_said_of_its_answer_is_said_again(stack: OpenAiStack) -> None:
    answer = await stack.client().chat.completions.create(
        model=TEXT_MODEL, messages=ASK, extra_body={"practice": {"says": "Hello **there**.\n\n\n\nBye  "}}
    )
    assert answer.choices[0].message.content == "Hello **there**.\n\n\n\nBye  "
    assert answer.id == "chatcmpl-1"


async def test_token_counts_of_an_answer_in_one_piece_are_the_providers(
    stack: OpenAiStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = await stack.client().chat.completions.create(
        model=MODEL, messages=ASK, extra_body={"practice": {"deliver": "b64_json"}}
    )
    assert answer.usage is not None
    assert answer.usage.total_tokens == 0, "its answer states none"


async def test_pictures_of_several_turns_are_sent_on_and_stored_once(stack: OpenAiStack) -> None:
    messages: Any = [
        {"role": "system", "content": "You draw."},
        {"role": "user", "content": [{"type": "text", "text": "look"}, image(PICTURE), image(PICTURE)]},
        {"role": "assistant", "content": "A red square."},
        {"role": "user", "content": "make it blue"},
    ]
    answer = await stack.client().chat.completions.create(
        model=MODEL,
        messages=messages,
        modalities=["text", "image"],
        temperature=0.5,  # type: ignore[list-item]
    )
    assert answer.choices[0].message.content
    [job] = await stack.jobs()
    assert job.request["chat"][1]["content"][1] == {"type": "image_url", "image_url": {"url": 0}}
    assert all(each.startswith("asset_") for each in job.request["images"])
    assert job.request["params"] == {"modalities": ["text", "image"], "temperature": 0.5}
    assert job.prompt == "make it blue"


def image(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}


async def test_a_stream_shows_progress_then_the_picture_and_the_usage(stack: OpenAiStack) -> None:
    stream = await stack.client().chat.completions.create(
        model=MODEL,
        messages=ASK,
        stream=True,
        stream_options={"include_usage": True},
        extra_body={"practice": {"delay": 2}},
    )
    chunks = [chunk async for chunk in stream]
    texts = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert chunks[0].choices[0].delta.role == "assistant"
    assert any(text.startswith("> Progress ") for text in texts)
    assert "![image](http" in texts[-2]
    assert (chunks[-2].choices[0].delta.model_extra or {}) == {}
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage is not None
    assert len({chunk.id for chunk in chunks}) == 1


async def test_a_text_is_an_answer_and_paid_once(stack: OpenAiStack) -> None:
    said = await stack.client().chat.completions.create(
        model=MODEL, messages=ASK, extra_body={"practice": {"says": "What shall it be, exactly?"}}
    )
    assert said.choices[0].message.content == "What shall it be, exactly?"
    assert len(stack.calls) == 1
    streamed = await stack.client().chat.completions.create(
        model=TEXT_MODEL, messages=[{"role": "user", "content": "four prompts"}], stream=True
    )
    content = [chunk.choices[0].delta.content or "" async for chunk in streamed]
    assert "1. four prompts" in "".join(content)


async def test_only_pictures_are_an_answer_where_the_modalities_have_no_text(stack: OpenAiStack) -> None:
    with pytest.raises(openai.InternalServerError) as failed:
        await stack.client().chat.completions.create(
            model=MODEL,
            messages=ASK,
            modalities=["image"],  # type: ignore[list-item]
            extra_body={"practice": {"says": "A fox."}, "darkroom": {"max_attempts": 1}},
        )
    assert failed.value.code == "no_image"


async def test_several_pictures_are_a_choice_each(stack: OpenAiStack) -> None:
    answer = await stack.client().chat.completions.create(model=MODEL, messages=ASK, n=2)
    assert [choice.index for choice in answer.choices] == [0, 1]
    assert len({choice.message.content for choice in answer.choices}) == 2


@pytest.mark.parametrize("stream", [False, True])
async def test_moderation_is_a_bad_request(sqlite_url: str, tmp_path: Path, stream: bool) -> None:
    async with open_stack(sqlite_url, tmp_path, openai_wait=80) as stack:
        with pytest.raises(openai.BadRequestError) as refused:
            await stack.client().chat.completions.create(
                model=MODEL, messages=ASK, stream=stream, extra_body={"practice": {"fail": "moderation"}}
            )
        assert refused.value.code == "moderation_blocked"
        assert len(stack.calls) == 1


async def test_a_late_failure_of_a_stream_is_raised(stack: OpenAiStack) -> None:
    stream = await stack.client().chat.completions.create(
        model=MODEL,
        messages=ASK,
        stream=True,
        extra_body={"practice": {"fail": "lost_upstream", "delay": 1}, "darkroom": {"on_unknown": "fail"}},
    )
    with pytest.raises(openai.APIError):
        async for _ in stream:
            pass
    assert len(stack.calls) == 1


async def test_a_stream_whose_client_goes_is_joined_by_its_repetition(stack: OpenAiStack) -> None:
    body = {"model": MODEL, "messages": ASK, "stream": True, "practice": {"delay": 1.5}}
    with pytest.raises((asyncio.TimeoutError, Exception)):
        await asyncio.wait_for(stack.post("/chat/completions", json=body), 0.7)
    answer = await stack.post("/chat/completions", json=body)
    assert "![image](http" in answer.text
    assert len(stack.calls) == 1


async def test_tool_calls_of_a_text_model_pass_through(stack: OpenAiStack) -> None:
    """The practice provider calls no tools: the answer is a text, and the members are sent on."""
    tools: Any = [{"type": "function", "function": {"name": "draw", "parameters": {"type": "object"}}}]
    answer = await stack.client().chat.completions.create(model=TEXT_MODEL, messages=ASK, tools=tools)
    assert answer.choices[0].message.content
    [job] = await stack.jobs()
    assert job.request["params"]["tools"] == tools
