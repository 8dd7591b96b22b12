"""modal: which tasks continue, and which go on waiting for their dialog."""

import base64

from tests.api.midjourney.actions_support import picture, press_button, sent, single
from tests.api.midjourney.stack import MidjourneyStack
from tests.api.service import BOB


async def waiting(stack: MidjourneyStack) -> str:
    """Return a task that waits for its mask."""
    envelope = await press_button(stack, await single(stack, prompt="a cat"), "Inpaint")
    assert (envelope["code"], envelope["properties"]["finalPrompt"]) == (21, "a cat")
    number: str = envelope["result"]
    return number


WHITE = picture((1, 1), "white")


async def test_an_invalid_mask_is_refused_and_the_task_still_waits(stack: MidjourneyStack) -> None:
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


async def test_a_waiting_task_can_be_cancelled_and_then_not_continued(each_stack: MidjourneyStack) -> None:
    number = await waiting(each_stack)
    assert (await each_stack.call("POST", f"/mj/task/{number}/cancel")).json()["code"] == 1
    assert (await each_stack.submit("modal", taskId=number, maskBase64=WHITE))["code"] == 4
    assert (await each_stack.fetch(number))["status"] == "FAILURE"


async def test_only_waiting_tasks_of_the_caller_continue(stack: MidjourneyStack) -> None:
    number = await waiting(stack)
    body = {"taskId": number, "maskBase64": WHITE}
    answer = await stack.call("POST", "/mj/submit/modal", json=body, headers={"mj-api-secret": BOB})
    assert (answer.json()["code"], answer.json()["result"]) == (3, None)
    for task_id, code in ((None, 4), ("", 4), ("1234", 3), ("abc", 3), (await stack.number(), 4)):
        answer = await stack.submit("modal", taskId=task_id, maskBase64=WHITE)
        assert (answer["code"], answer["result"]) == (code, None)


async def test_flags_of_a_dialogs_prompt_are_understood(stack: MidjourneyStack) -> None:
    grid = await stack.done("imagine", prompt="a cat --ar 3:2")
    cases = {"a dog --no rain --ar 2:1 --v 7": "2:1", "a dog --no rain": "3:2"}
    for prompt, size in cases.items():
        number = (await press_button(stack, grid, ":variation::1", enableRemix=True))["result"]
        await stack.submit("modal", taskId=number, prompt=prompt)
        request = await sent(stack, number)
        assert request.prompt.endswith("a dog\nLeave out: rain.")
        assert request.size == size
        assert (await stack.fetch(number))["prompt"] == prompt


async def test_odd_prompts_pass_through_a_dialog(each_stack: MidjourneyStack) -> None:
    parent = await single(each_stack, prompt="a cat")
    for prompt in ("a\x00cat", "🐈‍⬛ קטה שחורה", "x" * 50_000, "  "):
        number = (await press_button(each_stack, parent, "CustomZoom"))["result"]
        envelope = await each_stack.submit("modal", taskId=number, prompt=prompt)
        assert (envelope["code"] in (1, 22), envelope["result"]) in ((True, number), (False, None))
        assert (await each_stack.fetch(number))["status"] in ("NOT_START", "MODAL")
