"""Channels whose provider has images endpoints: every kind of request goes there, as one call."""

import base64
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.api.openai.pictures import png
from tests.api.openai.stack import MODEL, OpenAiStack, open_stack
from worker.practice.call_log import LoggedCall

ASK = {"model": MODEL, "prompt": "a red fox"}
CHANNEL = {
    "name": "images",
    "api_key": "practice-key-practice",
    "models": MODEL,
    "images_endpoint": True,
}


def seen(stack: OpenAiStack) -> list[tuple[str, int, bool]]:
    """Return what the provider got."""
    calls: list[LoggedCall] = stack.calls
    return [(call.endpoint, call.inputs, call.masked) for call in calls]


async def test_generations_edits_and_chats_are_calls_of_the_images_endpoints(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with open_stack(sqlite_url, tmp_path, channel=CHANNEL) as stack:
        client = stack.client()
        made = await client.images.generate(**ASK, n=2, size="1024x1024", quality="high")
        assert made.data
        assert len(made.data) == 2
        await client.images.edit(**ASK, image=[("a.png", png()), ("b.png", png())], mask=("m.png", png()))
        chat: Any = [{"role": "system", "content": "You draw."}, {"role": "user", "content": "a fox"}]
        drawn = await client.chat.completions.create(model=MODEL, messages=chat, temperature=1)
        assert "![image](http" in (drawn.choices[0].message.content or "")
        assert seen(stack) == [
            ("images/generations", 0, False),
            ("images/edits", 2, True),
            ("images/generations", 0, False),
        ]
        assert stack.calls[-1].prompt == "You draw.\n\na fox"


async def test_edits_as_json(sqlite_url: str, tmp_path: Path) -> None:
    async with open_stack(sqlite_url, tmp_path, channel=CHANNEL | {"edit_style": "json"}) as stack:
        await stack.client().images.edit(**ASK, image=("a.png", png()), mask=("m.png", png()))
        assert seen(stack) == [("images/edits", 1, True)]


async def test_failures_are_classified_and_retried_like_any_call(sqlite_url: str, tmp_path: Path) -> None:
    async with open_stack(sqlite_url, tmp_path, channel=CHANNEL) as stack:
        client = stack.client()
        with pytest.raises(openai.BadRequestError) as refused:
            await client.images.generate(**ASK, extra_body={"practice": {"fail": "moderation"}})
        assert refused.value.code == "moderation_blocked"
        made = await client.images.generate(
            model=MODEL, prompt="again", extra_body={"practice": {"fail": "503", "times": 1}}
        )
        assert made.data
        assert [call.outcome for call in stack.calls] == ["moderation", "503", "picture"]
        with pytest.raises(openai.InternalServerError) as held:
            await client.images.generate(model=MODEL, prompt="lost", extra_body={"practice": {"fail": "504"}})
        assert held.value.code == "unknown_outcome"
        assert len(stack.calls) == 4


async def test_partial_pictures_that_the_provider_streams_are_sent_on_while_the_call_runs(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with open_stack(sqlite_url, tmp_path, channel=CHANNEL, openai_wait=4) as stack:
        client, slow = stack.client(), {"practice": {"delay": 3}}
        seen_types, ended_at_first = [], None
        stream = await client.images.generate(**ASK, stream=True, partial_images=2, extra_body=slow)
        async for event in stream:
            if ended_at_first is None:
                [job] = await stack.jobs()
                ended_at_first = job.status == "succeeded"
            seen_types.append(event.type)
            assert base64.b64decode(event.b64_json).startswith(b"\x89PNG")
        assert seen_types == [*["image_generation.partial_image"] * 2, "image_generation.completed"]
        assert ended_at_first is False
        edited = await client.images.edit(
            **ASK,
            image=("a.png", png()),
            stream=True,
            partial_images=1,
            extra_body={"practice": {"delay": 1}},
        )
        events: list[Any] = [event async for event in edited]
        assert [event.type for event in events] == ["image_edit.partial_image", "image_edit.completed"]
        assert events[0].partial_image_index == 0
        plain = await client.images.generate(**ASK, stream=True)
        assert [event.type async for event in plain] == ["image_generation.completed"]
        assert [len(job.request["params"]) for job in await stack.jobs()] == [2, 2, 0]
        assert len(stack.calls) == 3
        refused = await stack.post("/images/generations", json=ASK | {"stream": True, "partial_images": 4})
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "partial_images")
