"""Endpoints of batches: lines of each become jobs, and their results answers, as online."""

import base64
from typing import Any

import pytest

from tests.api.openai.batches.batch_stack import BatchStack, line
from tests.api.openai.pictures import png
from tests.api.openai.stack import MODEL, TEXT_MODEL
from worker.practice.drawing.png import prompt_of, tiny_png

PICTURE = tiny_png("an input", 0)
SMALL_MASK = "data:image/png;base64," + base64.b64encode(png(9, 9, "#00000000")).decode()
DATA_URL = "data:image/png;base64," + base64.b64encode(PICTURE).decode()


def chat(custom_id: str, content: Any, **body: Any) -> dict[str, Any]:
    """Return a line of chat completions."""
    messages = [{"role": "system", "content": "be brief"}, {"role": "user", "content": content}]
    url = "/v1/chat/completions"
    return {
        "custom_id": custom_id,
        "method": "POST",
        "url": url,
        "body": {"model": MODEL, "messages": messages, **body},
    }


async def test_lines_of_chat_completions_are_answered_as_online(each_batches: BatchStack) -> None:
    batches = each_batches
    parts = [{"type": "text", "text": "redraw it"}, {"type": "image_url", "image_url": {"url": DATA_URL}}]
    lines = [chat("a", "a red fox"), chat("b", parts), chat("c", "say hello", model=TEXT_MODEL)]
    ended = await batches.until(await batches.create(lines, endpoint="/v1/chat/completions"))
    assert (ended.status, ended.error_file_id) == ("completed", None)
    made = {each["custom_id"]: each["response"]["body"] for each in await batches.lines(ended.output_file_id)}
    first = made["a"]["choices"][0]["message"]
    assert first["images"][0]["image_url"]["url"] == made["a"]["x_assets"][0]["url"]
    assert first["images"][0]["image_url"]["url"] in first["content"]
    assert made["c"]["choices"][0]["message"]["content"]
    assert made["c"]["x_assets"] == []
    assert ended.usage is not None
    assert ended.usage.total_tokens >= 0
    second = next(job for job in await batches.stack.jobs() if job.prompt == "redraw it")
    assert second.request["images"][0].startswith("asset_"), "its picture was stored once, before it ran"


async def test_lines_of_responses_are_answered_as_online(batches: BatchStack) -> None:
    body = {"model": MODEL, "input": "a red fox", "tools": [{"type": "image_generation", "quality": "high"}]}
    lines = [
        {"custom_id": name, "method": "POST", "url": "/v1/responses", "body": body | more}
        for name, more in (("a", {}), ("b", {"instructions": "be bold"}))
    ]
    ended = await batches.until(await batches.create(lines, endpoint="/v1/responses"))
    made = {each["custom_id"]: each["response"]["body"] for each in await batches.lines(ended.output_file_id)}
    assert set(made) == {"a", "b"}
    [call] = made["a"]["output"]
    assert (made["a"]["status"], call["type"], call["result"]) == ("completed", "image_generation_call", None)
    assert call["url"] == made["a"]["x_assets"][0]["url"]
    earlier = [lines[0] | {"body": body | {"previous_response_id": made["a"]["id"]}}]
    refused = await batches.until(await batches.create(earlier, endpoint="/v1/responses"))
    assert refused.errors is not None
    assert [each.param for each in refused.errors.data or ()] == ["body.previous_response_id"]


async def test_pictures_of_chats_come_as_data_urls_if_that_is_wanted(batches: BatchStack) -> None:
    created = await batches.create(
        [chat("a", "a red fox")], endpoint="/v1/chat/completions", inline_images=True
    )
    ended = await batches.until(created)
    [made] = await batches.lines(ended.output_file_id)
    [image] = made["response"]["body"]["choices"][0]["message"]["images"]
    head, _, text = image["image_url"]["url"].partition(",")
    assert (head, prompt_of(base64.b64decode(text))) == ("data:image/png;base64", "a red fox")


async def test_edits_take_pictures_as_data_urls_as_files_and_by_the_addresses_of_own_ones(
    batches: BatchStack,
) -> None:
    client = batches.stack.client()
    file = await client.files.create(file=("fox.png", PICTURE), purpose="vision")
    made = await client.images.generate(model=MODEL, prompt="a red fox")
    assert made.data
    edits = [
        line("url", images=[{"image_url": DATA_URL}], url="/v1/images/edits"),
        line("file", images=[{"file_id": file.id}], url="/v1/images/edits"),
        line("own", images=[{"image_url": made.data[0].url}], url="/v1/images/edits"),
    ]
    ended = await batches.until(await batches.create(edits, endpoint="/v1/images/edits"))
    assert ended.request_counts is not None
    assert (ended.status, ended.request_counts.completed) == ("completed", 3)
    inputs = [job.request["images"][0] for job in await batches.stack.jobs() if job.request["images"]]
    assert all(each.startswith("asset_") for each in inputs)


@pytest.mark.parametrize(
    ("members", "code", "param"),
    [
        ({"images": []}, "invalid_request", "body.images"),
        ({"images": [{"file_id": "file-" + "0" * 26}]}, "input_image_not_found", "body.images"),
        ({"images": [{"file_id": "file-none"}]}, "invalid_request", "body.images.0"),
        ({"images": [{"image_url": "data:image/png;base64,AAAA"}]}, "input_image_invalid", "body.images"),
        (
            {"images": [{"image_url": DATA_URL}], "mask": {"image_url": SMALL_MASK}},
            "invalid_request",
            "body.mask",
        ),
    ],
)
async def test_an_edit_without_a_usable_picture_is_an_error_of_its_line(
    batches: BatchStack, members: dict[str, Any], code: str, param: str
) -> None:
    lines = [
        line("good", images=[{"image_url": DATA_URL}], url="/v1/images/edits"),
        line("bad", **members, url="/v1/images/edits"),
    ]
    ended = await batches.until(await batches.create(lines, endpoint="/v1/images/edits"))
    assert ended.status == "failed"
    assert ended.errors is not None
    assert [(each.code, each.line, each.param) for each in ended.errors.data or ()] == [(code, 2, param)]
    assert not await batches.stack.jobs()
