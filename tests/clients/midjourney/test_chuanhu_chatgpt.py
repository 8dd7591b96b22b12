"""A chat page of the ChuanhuChatGPT kind: its address ends with /mj, every answer but HTTP 200 raises, and it
cuts the grid into quarters."""

from io import BytesIO

import pytest
from PIL import Image

from tests.api.midjourney.stack import PIXEL
from tests.api.service import ALICE
from tests.clients.midjourney.installation import Answer, ClientProgram, Installation


@pytest.fixture
def chat(installation: Installation) -> ClientProgram:
    """The page's server."""
    return installation.client("/mj", Content_Type="application/json", mj_api_secret=ALICE)


def task_of(answer: Answer) -> str:
    """Read a submit: codes 1 and 22 are accepted, and the description is added to a text."""
    assert answer.status == 200
    assert answer.read("code", int) in (1, 22)
    assert "Submitted: " + answer.read("description", str)
    result: str = answer.read("result", str)
    return result


async def status(chat: ClientProgram, number: str) -> str:
    """Fetch a task and build the text of its status."""
    task = await chat.get(f"/task/{number}/fetch")
    assert task.status == 200
    match task.read("status", str):
        case "SUCCESS":
            return str(task.read("imageUrl", str).replace("https://cdn.example/", ""))
        case "FAILURE":
            return "failed: " + task.read("failReason", str)
        case "IN_PROGRESS":
            return f"running: {task.read('progress', str)}"
        case "NOT_START" | "SUBMITTED" as waiting:
            return str(waiting)
        case other:
            raise AssertionError(f"unknown status {other}")


async def test_a_grid_is_cut_into_quarters_that_can_be_upscaled(
    installation: Installation, chat: ClientProgram
) -> None:
    body = {"prompt": "a red fox", "base64": f"data:image/png;base64,{PIXEL}"}
    number = task_of(await chat.post("/submit/imagine", body))
    assert await status(chat, number) == "NOT_START"
    await installation.draw()
    with Image.open(BytesIO(await chat.picture(await status(chat, number)))) as grid:
        width, height = grid.size
        quarters = [
            grid.crop((x, y, x + width // 2, y + height // 2))
            for y in (0, height // 2)
            for x in (0, width // 2)
        ]
    assert all(min(quarter.size) > 0 for quarter in quarters)
    change = {"action": "UPSCALE", "index": 3, "taskId": number}
    picked = task_of(await chat.post("/submit/change", change))
    assert await status(chat, picked) == "running: 50%"
    installation.passes(3)
    assert (await status(chat, picked)).startswith("http")
    reroll = {"action": "REROLL", "index": 1, "taskId": number}
    assert task_of(await chat.post("/submit/change", reroll))


async def test_a_picture_is_described_and_a_failure_has_its_reason(
    installation: Installation, chat: ClientProgram
) -> None:
    described = task_of(await chat.post("/submit/describe", {"base64": f"data:image/png;base64,{PIXEL}"}))
    failing = task_of(await chat.post("/submit/imagine", {"prompt": "a wolf [fail moderation]"}))
    await installation.draw()
    task = await chat.get(f"/task/{described}/fetch")
    assert task.read("imageUrl", str)
    assert task.read("prompt", str)
    assert (await status(chat, failing)).startswith("failed: ")


async def test_a_refusal_has_a_description(chat: ClientProgram) -> None:
    refused = await chat.post("/submit/imagine", {"prompt": ""})
    assert (refused.status, refused.read("code", int)) == (200, 4)
    assert refused.read("description", str)
