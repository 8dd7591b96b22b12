"""Events of the stream of a response: partial pictures, and numbers that are the same each time."""

import base64
from pathlib import Path
from typing import Any

from tests.api.openai.images.test_images_endpoint import CHANNEL
from tests.api.openai.stack import MODEL, open_stack
from tests.api.service import BOB

TOOL: Any = {"type": "image_generation", "partial_images": 2}


async def test_a_response_streams_partial_pictures_under_the_id_that_its_picture_keeps(
    sqlite_url: str, tmp_path: Path
) -> None:
    ask: Any = {"model": MODEL, "input": "a red fox", "tools": [TOOL]}
    async with open_stack(sqlite_url, tmp_path, channel=CHANNEL, openai_wait=4) as stack:
        client = stack.client()
        stream = await client.responses.create(**ask, stream=True, extra_body={"practice": {"delay": 2}})
        events: list[Any] = []
        async for event in stream:
            if event.type == "response.image_generation_call.partial_image" and not events[5:]:
                assert [job.status for job in await stack.jobs()] == ["running"]
            events.append(event)
        assert [event.sequence_number for event in events] == list(range(10))
        shown = [event for event in events if "partial_image" in event.type]
        assert [event.partial_image_index for event in shown] == [0, 1]
        assert base64.b64decode(shown[0].partial_image_b64).startswith(b"\x89PNG")
        done = events[-1].response
        assert {events[2].item.id, *(event.item_id for event in shown)} == {done.output[0].id}

        resumed = await client.responses.retrieve(done.id, stream=True, starting_after=5)
        again = [(event.type, event.sequence_number) async for event in resumed]
        assert again == [(event.type, event.sequence_number) for event in events[6:]]
        call: Any = {"type": "image_generation_call", "id": done.output[0].id}
        turns: Any = [call, {"role": "user", "content": "now green"}]
        edited = await client.responses.create(model=MODEL, input=turns)
        assert (edited.status, stack.calls[-1].inputs) == ("completed", 1)
        foreign = await stack.post("/responses", key=BOB, json={"model": MODEL, "input": turns})
        assert foreign.json()["error"]["code"] == "input_image_not_found"

        failing = await client.responses.create(
            **ask, stream=True, extra_body={"practice": {"fail": "moderation"}}
        )
        assert [event.sequence_number async for event in failing][-1] == 7
        tool = TOOL | {"partial_images": 4}
        refused = await stack.post("/responses", json=ask | {"stream": True, "tools": [tool]})
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "tools.0.partial_images")
    async with open_stack(sqlite_url, tmp_path) as stack:  # a channel of chat completions
        events = [event async for event in await stack.client().responses.create(**ask, stream=True)]
        assert [event.sequence_number for event in events] == [0, 1, 2, 3, 4, 7, 8, 9]
