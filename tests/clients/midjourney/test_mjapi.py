"""A chat plug-in of the mjapi.py kind: code 1 only is a success, ``state`` is JSON, and members are read
without a check, of the answer to an unknown task as well."""

import json

import pytest

from tests.api.service import ALICE
from tests.clients.midjourney.installation import Answer, ClientProgram, Installation

USER = json.dumps({"user_id": "wxid_1", "user_nickname": "Mei"})
TEXTS = ("id", "progress", "status", "description", "action")


@pytest.fixture
def plug_in(installation: Installation) -> ClientProgram:
    """The plug-in."""
    return installation.client(Content_Type="application/json", mj_api_secret=ALICE)


def submitted(answer: Answer) -> str:
    """Read a submit: the user sees the description of any other code, and the task is lost."""
    assert (answer.read("code", int), answer.read("description", str) != "") == (1, True)
    result: str = answer.read("result", str)
    return result


def shown(task: Answer) -> str | None:
    """Build the message about a task, as the plug-in does; return the picture's address."""
    assert json.loads(task.read("state", str))["user_id"] == "wxid_1"
    for name in TEXTS:
        task.read(name, str)
    started, finished = task.read("startTime", int, None), task.read("finishTime", int, None)
    if finished:
        assert (finished - started) / 1000 >= 0
    task.read("failReason", str, None)
    url: str | None = task.read("imageUrl", str, None)
    return url


async def test_rapid_submits_are_accepted_with_code_1_and_shown(
    installation: Installation, plug_in: ClientProgram
) -> None:
    numbers = [
        submitted(
            await plug_in.post(
                "/mj/submit/imagine", {"prompt": f"a red fox {n}", "base64Array": [], "state": USER}
            )
        )
        for n in range(3)
    ]
    for task in (await plug_in.get("/mj/task/queue")).content:
        assert shown(Answer(200, json.dumps(task).encode())) is None
    await installation.draw()
    await installation.draw()
    for number in numbers:
        assert (shown(await plug_in.get(f"/mj/task/{number}/fetch")) or "").startswith("http")
    assert (await plug_in.get("/mj/task/queue")).content == []


async def test_pictures_are_changed_by_short_words(
    installation: Installation, plug_in: ClientProgram
) -> None:
    body = {"prompt": "a red fox", "base64Array": [], "state": USER}
    grid = submitted(await plug_in.post("/mj/submit/imagine", body))
    await installation.draw()
    simple = {"content": f"{grid} U2", "state": USER}
    picked = submitted(await plug_in.post("/mj/submit/simple-change", simple))
    assert shown(await plug_in.get(f"/mj/task/{picked}/fetch")) is None
    installation.passes(3)
    assert shown(await plug_in.get(f"/mj/task/{picked}/fetch"))
    submitted(await plug_in.post("/mj/submit/change", {"taskId": grid, "action": "REROLL", "state": USER}))


async def test_an_unknown_task_has_a_state_and_a_reason(plug_in: ClientProgram) -> None:
    unknown = await plug_in.get("/mj/task/123/fetch")
    assert unknown.read("state", str, None) is None
    assert unknown.read("description", str)
