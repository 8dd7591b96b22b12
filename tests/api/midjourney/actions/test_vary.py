"""Variations: edit calls with an image of the parent, and of a masked region."""

import base64
from pathlib import Path
from typing import Any

from tests.api.midjourney.actions_support import (
    opened,
    picture,
    press_and_complete,
    press_button,
    sent,
    single,
)
from tests.api.midjourney.stack import MidjourneyStack, open_stack


async def waiting(stack: MidjourneyStack) -> str:
    """Return a task that waits for its mask."""
    envelope = await press_button(stack, await single(stack, prompt="a cat"), "Inpaint")
    assert (envelope["code"], envelope["properties"]["finalPrompt"]) == (21, "a cat")
    number: str = envelope["result"]
    return number


WHITE = picture((1, 1), "white")


async def test_a_variation_draws_a_grid_from_one_picture(each_stack: MidjourneyStack) -> None:
    parent = await each_stack.done("imagine", prompt="a red fox --ar 3:2")
    task = await press_and_complete(each_stack, parent, ":variation::2")
    assert (task["action"], task["status"], task["parentId"]) == ("VARIATION", "SUCCESS", parent["id"])
    assert (task["prompt"], len(task["imageUrls"])) == ("a red fox --ar 3:2", 4)
    assert [button["label"] for button in task["buttons"]][:2] == ["U1", "U2"]
    request = await sent(each_stack, task["id"])
    second = await each_stack.service.client.get(parent["imageUrls"][1]["url"])
    assert request.images == ("data:image/png;base64," + base64.b64encode(second.content).decode(),)
    assert "variation of this picture: the same subject" in request.prompt
    assert "a red fox" in request.prompt
    assert request.size == "3:2"


async def test_one_picture_is_varied_strongly_or_subtly(stack: MidjourneyStack) -> None:
    parent = await single(stack)
    for part, words in (("high_", "strong variation"), ("low_", "subtle variation")):
        task = await press_and_complete(stack, parent, part)
        assert (task["action"], len(task["imageUrls"])) == ("VARIATION", 4)
        assert words in (await sent(stack, task["id"])).prompt


async def test_a_chain_of_variations_does_not_grow(stack: MidjourneyStack) -> None:
    task = await stack.done("imagine", prompt="a cat")
    prompts = []
    for _ in range(4):
        task = await press_and_complete(stack, task, ":variation::1")
        prompts.append((await sent(stack, task["id"])).prompt)
    assert len(set(prompts)) == 1


async def test_a_prompt_at_the_limit_still_has_variations(sqlite_url: str, tmp_path: Any) -> None:
    async with open_stack(sqlite_url, tmp_path, prompt_limit=400) as stack:
        parent = await stack.done("imagine", prompt="x" * 400)
        assert (await press_button(stack, parent, ":variation::1"))["code"] == 1


async def test_the_model_gets_image_mask_and_image_with_a_hole(each_stack: MidjourneyStack) -> None:
    number = await waiting(each_stack)
    assert (await each_stack.fetch(number))["status"] == "MODAL"
    answer = await each_stack.submit("modal", taskId=number, prompt="a hat", maskBase64=WHITE)
    assert (answer["code"], answer["result"]) == (1, number)
    assert (await each_stack.fetch(number))["status"] == "NOT_START"
    await each_stack.work()
    task = await each_stack.fetch(number)
    assert (task["action"], task["status"], task["prompt"]) == ("VARIATION", "SUCCESS", "a hat")
    request = await sent(each_stack, number)
    assert "second picture is a mask" in request.prompt
    assert "a hat" in request.prompt
    assert (len(request.images), request.images[1]) == (3, WHITE)
    assert opened(request.images[2]).getchannel("A").getextrema() == (0, 0)


async def test_ten_megabytes_that_are_no_image_are_refused(sqlite_url: str, tmp_path: Path) -> None:
    async with open_stack(sqlite_url, tmp_path, request_body_limit=64 * 2**20) as stack:
        number = await waiting(stack)
        mask = base64.b64encode(bytes(8 * 2**20)).decode()
        answer = await stack.submit("modal", taskId=number, maskBase64=mask)
        assert (answer["code"], answer["result"]) == (4, None)
        assert (await stack.fetch(number))["status"] == "MODAL"


async def test_a_mask_that_selects_nothing_ends_the_task_before_any_call(stack: MidjourneyStack) -> None:
    number = await waiting(stack)
    calls = len(stack.darkroom.provider.call_log.calls)
    assert (await stack.submit("modal", taskId=number, maskBase64=picture((1, 1), "black")))["code"] == 1
    await stack.work()
    task = await stack.fetch(number)
    assert (task["status"], len(stack.darkroom.provider.call_log.calls)) == ("FAILURE", calls)
    assert "selects nothing" in task["failReason"]
