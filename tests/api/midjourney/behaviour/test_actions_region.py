"""Vary region: a dialog, a mask, and bad masks."""

import base64
from pathlib import Path

from tests.api.midjourney.actions_support import opened, picture, press, sent, single
from tests.api.midjourney.stack import MidjourneyStack, open_stack
from tests.api.service import BOB

WHITE = picture((1, 1), "white")


async def waiting(stack: MidjourneyStack) -> str:
    """Return a task that waits for its mask."""
    envelope = await press(stack, await single(stack, prompt="a cat"), "Inpaint")
    assert (envelope["code"], envelope["properties"]["finalPrompt"]) == (21, "a cat")
    number: str = envelope["result"]
    return number


async def test_the_mask_goes_along_and_the_picture_with_a_hole(each_stack: MidjourneyStack) -> None:
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


async def test_a_mask_that_is_no_picture_is_refused_and_the_task_still_waits(stack: MidjourneyStack) -> None:
    number = await waiting(stack)
    for mask in (
        None,
        "",
        "no picture at all",
        base64.b64encode(b"no picture at all, but base64").decode(),
        "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n cut").decode(),
        "data:text/html;base64,PGh0bWw+",
    ):
        answer = await stack.submit("modal", taskId=number, maskBase64=mask)
        assert (answer["code"], answer["result"]) == (4, None), mask
        assert "maskBase64" in answer["description"]
        assert (await stack.fetch(number))["status"] == "MODAL"
    assert (await stack.submit("modal", taskId=number, maskBase64=WHITE))["code"] == 1


async def test_ten_megabytes_that_are_no_picture_are_refused(sqlite_url: str, tmp_path: Path) -> None:
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


async def test_what_waits_can_be_cancelled_and_then_not_continued(each_stack: MidjourneyStack) -> None:
    number = await waiting(each_stack)
    assert (await each_stack.call("POST", f"/mj/task/{number}/cancel")).json()["code"] == 1
    assert (await each_stack.submit("modal", taskId=number, maskBase64=WHITE))["code"] == 4
    assert (await each_stack.fetch(number))["status"] == "FAILURE"


async def test_only_tasks_that_wait_go_on_and_only_for_their_caller(stack: MidjourneyStack) -> None:
    number = await waiting(stack)
    body = {"taskId": number, "maskBase64": WHITE}
    answer = await stack.call("POST", "/mj/submit/modal", json=body, headers={"mj-api-secret": BOB})
    assert (answer.json()["code"], answer.json()["result"]) == (3, None)
    for task_id, code in ((None, 4), ("", 4), ("1234", 3), ("abc", 3), (await stack.number(), 4)):
        answer = await stack.submit("modal", taskId=task_id, maskBase64=WHITE)
        assert (answer["code"], answer["result"]) == (code, None)
