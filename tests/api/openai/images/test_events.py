"""Streams of the images API."""

import openai
import pytest

from tests.api.openai.pictures import png
from tests.api.openai.stack import MODEL, OpenAiStack


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


async def test_an_early_failure_has_its_status_and_a_late_one_is_an_event_that_the_sdk_raises(
    stack: OpenAiStack,
) -> None:
    client = stack.client()
    with pytest.raises(openai.BadRequestError):
        await client.images.generate(
            model=MODEL, prompt="a", stream=True, extra_body={"practice": {"fail": "moderation"}}
        )
    late = {"practice": {"fail": "lost_upstream", "delay": 1}, "darkroom": {"on_unknown": "fail"}}
    stream = await client.images.generate(model=MODEL, prompt="b", stream=True, extra_body=late)
    with pytest.raises(openai.APIError) as failed:
        async for _ in stream:
            pass
    assert failed.value.code
    assert len(stack.calls) == 2
