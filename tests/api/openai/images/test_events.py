"""Streams of the images API."""

from pathlib import Path

import openai
import pytest

from tests.api.openai.pictures import png
from tests.api.openai.stack import MODEL, OpenAiStack, open_stack


async def test_a_stream_has_an_event_for_each_picture_and_no_drafts(stack: OpenAiStack) -> None:
    stream = await stack.client().images.generate(
        model=MODEL, prompt="a fox", stream=True, n=2, partial_images=2, extra_body={"practice": {"delay": 1}}
    )
    events = [event async for event in stream]
    assert [event.type for event in events] == ["image_generation.completed"] * 2
    assert all(event.b64_json for event in events)
    assert len(stack.calls) == 1


async def test_an_edit_streams_events_of_its_own_name(stack: OpenAiStack) -> None:
    stream = await stack.client().images.edit(
        model=MODEL, prompt="bluer", image=("a.png", png()), stream=True
    )
    assert [event.type async for event in stream] == ["image_edit.completed"]


async def test_an_early_failure_has_its_status(sqlite_url: str, tmp_path: Path) -> None:
    async with open_stack(sqlite_url, tmp_path, openai_wait=30) as stack:
        with pytest.raises(openai.BadRequestError):
            await stack.client().images.generate(
                model=MODEL, prompt="a", stream=True, extra_body={"practice": {"fail": "moderation"}}
            )
        assert len(stack.calls) == 1


async def test_a_late_failure_is_an_event_that_the_sdk_raises(stack: OpenAiStack) -> None:
    late = {"practice": {"fail": "lost_upstream", "delay": 1}, "darkroom": {"on_unknown": "fail"}}
    stream = await stack.client().images.generate(model=MODEL, prompt="b", stream=True, extra_body=late)
    with pytest.raises(openai.APIError) as failed:
        async for _ in stream:
            pass
    assert failed.value.code
    assert len(stack.calls) == 1
