"""A chat bot of the Yunzai kind: reads nothing of a submit but ``result``, and builds customIds itself from
the hash in the properties."""

import pytest

from tests.api.midjourney.stack import PIXEL
from tests.api.service import ALICE
from tests.clients.midjourney.installation import Answer, ClientProgram, Installation


@pytest.fixture
def bot(installation: Installation) -> ClientProgram:
    """The bot."""
    return installation.client(Authorization=f"Bearer {ALICE}", Content_Type="application/json")


async def result(installation: Installation, bot: ClientProgram, number: str) -> Answer | None:
    """Poll until a task has ended; ``None``: it failed."""
    for _ in range(3):
        task = await bot.get(f"/mj/task/{number}/fetch")
        if task.read("status", str) == "SUCCESS" and task.read("progress", str) == "100%":
            return task
        if task.read("status", str) == "FAILURE":
            return None
        await installation.draw()
        installation.passes(5)
    raise TimeoutError


async def test_pictures_are_chosen_by_custom_ids_of_the_bots_own_making(
    installation: Installation, bot: ClientProgram
) -> None:
    body = {
        "base64Array": [f"data:image/png;base64,{PIXEL}"],
        "botType": "NIJI_JOURNEY",
        "notifyHook": "",
        "prompt": "a red fox --niji",
        "state": "",
    }
    parent = (await bot.post("/mj-relax/mj/submit/imagine", body)).read("result", str)
    grid = await result(installation, bot, parent)
    assert grid is not None
    assert grid.read("imageUrl", str)
    hash_ = (await bot.get(f"/mj/task/{parent}/fetch")).read("properties.messageHash", str)
    for custom_id in (
        f"MJ::JOB::upsample::3::{hash_}",
        f"MJ::JOB::variation::2::{hash_}",
        f"MJ::JOB::reroll::0::{hash_}::SOLO",
    ):
        pressed = await bot.post("/mj/submit/action", {"customId": custom_id, "taskId": parent})
        task = await result(installation, bot, pressed.read("result", str))
        assert task is not None
        assert task.read("imageUrl", str)


async def test_a_refused_submit_has_no_result_and_a_failed_task_no_picture(
    installation: Installation, bot: ClientProgram
) -> None:
    assert (await bot.post("/mj/submit/imagine", {"prompt": ""})).read("result", None) is None
    failing = await bot.post("/mj/submit/imagine", {"prompt": "a wolf [fail moderation]"})
    assert await result(installation, bot, failing.read("result", str)) is None
    assert (await bot.get("/mj/task/123/fetch")).status != 200
