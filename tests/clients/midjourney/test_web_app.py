"""A web app of the chatgpt-web-midjourney-proxy kind: a JSON header on GETs, polls each 5 s, finds buttons by
parts of their customIds, and drops what its store is told within 2 s of the submit."""

from io import BytesIO

import pytest
from PIL import Image

from tests.api.midjourney.actions_support import picture
from tests.api.service import ALICE
from tests.clients.midjourney.installation import Answer, ClientProgram, Installation

POLL = 5.0  # seconds
DROPPED = 2.0  # seconds after a submit in which its store loses what a fetch has found
PARTS = (":upsample::1", ":variation::4", "reroll::0")


@pytest.fixture
def app(installation: Installation) -> ClientProgram:
    """The page, which calls the API directly."""
    headers = {"Content_Type": "application/json", "mj_api_secret": ALICE}
    return installation.client(Origin="https://pages.example", **headers)


async def imagine(app: ClientProgram, prompt: str) -> str:
    """Submit as the page does; a code other than 1 and 22 is printed as an error."""
    body = {"base64Array": [], "notifyHook": "", "prompt": prompt, "state": "", "botType": "MID_JOURNEY"}
    return submitted(await app.post("/mj/submit/imagine", body))


def submitted(answer: Answer) -> str:
    assert answer.read("code", int) in (1, 22)
    assert "confirm" not in answer.read("description", str)
    result: str = answer.read("result", str)
    return result


async def poll(installation: Installation, app: ClientProgram, number: str) -> Answer:
    """Fetch, and fetch again after 5 s until the task has ended, as the page does."""
    for _ in range(3):
        task = await app.get(f"/mj/task/{number}/fetch")
        if task.read("status", str) in ("SUCCESS", "FAILURE"):
            assert (task.read("progress", str) == "100%") == (task.read("status", str) == "SUCCESS")
            return task
        assert task.read("progress", str) != "100%"
        await installation.draw()
        installation.passes(POLL)
    raise AssertionError("the page shows this task as waiting for ever")


def button(task: Answer, part: str) -> str:
    """Return the first customId with a part in it; the page shows each button's emoji."""
    for number in range(len(task.read("buttons", list))):
        assert task.read(f"buttons.{number}.emoji", str) != "null"
        custom_id: str = task.read(f"buttons.{number}.customId", str)
        if part in custom_id:
            return custom_id
    raise AssertionError(f"no button {part}")


async def press(app: ClientProgram, task: Answer, part: str) -> Answer:
    body = {"customId": button(task, part), "taskId": task.read("id", str)}
    answer = await app.post("/mj/submit/action", body)
    if "confirm" in answer.read("description", str):
        prompt = answer.read("properties.finalPrompt", str)
        answer = await app.post("/mj/submit/modal", {"taskId": answer.read("result", str), "prompt": prompt})
    if answer.read("code", int) == 21:
        answer = await app.post("/mj/submit/modal", {"taskId": answer.read("result", str)})
    return answer


async def test_an_upscale_is_still_open_when_the_store_listens(
    installation: Installation, app: ClientProgram
) -> None:
    grid = await poll(installation, app, await imagine(app, "a red fox"))
    assert all(button(grid, part) for part in PARTS)
    number = submitted(await press(app, grid, ":upsample::1"))
    first = await app.get(f"/mj/task/{number}/fetch")
    assert (first.read("status", str), first.read("progress", str)) == ("IN_PROGRESS", "50%")
    installation.passes(DROPPED)
    assert (await app.get(f"/mj/task/{number}/fetch")).read("status", str) == "IN_PROGRESS"
    picked = await poll(installation, app, number)
    assert picked.read("action", str) == "UPSCALE"
    assert picked.read("imageUrl", str) == grid.read("imageUrls.0.url", str)


async def test_the_picture_of_an_upscale_is_edited_and_animated_by_its_image_url(
    installation: Installation, app: ClientProgram
) -> None:
    grid = await poll(installation, app, await imagine(app, "a red fox"))
    picked = await poll(installation, app, submitted(await press(app, grid, ":upsample::2")))
    assert picked.read("imageUrls", None) is None  # else the page sends none of them
    url = picked.read("imageUrl", str)
    Image.open(BytesIO(await app.picture(url))).verify()
    body = {"prompt": "it runs", "image": url, "base64": url, "motion": "low", "mode": "FAST"}
    video = await app.post("/mj/submit/video", body)
    edit = await app.post("/mj/submit/edits", {"prompt": "add a hat", "image": url, "maskBase64": ""})
    for answer in (video, edit):
        assert submitted(answer)


async def test_a_prompt_may_ask_for_a_video(installation: Installation, app: ClientProgram) -> None:
    url = f"{installation.stack.darkroom.provider.url}/elsewhere/pictures.example/fox.png"
    task = await poll(installation, app, await imagine(app, f"{url} it runs --video --bs 1"))
    assert task.read("videoUrl", str).endswith(".mp4")
    assert (task.read("imageUrl", None), len(task.read("videoUrls", list))) == (None, 1)


async def test_a_region_and_a_dialog_are_continued(installation: Installation, app: ClientProgram) -> None:
    grid = await poll(installation, app, await imagine(app, "a red fox"))
    picked = await poll(installation, app, submitted(await press(app, grid, ":upsample::1")))
    opened = await app.post(
        "/mj/submit/action", {"customId": button(picked, ":Inpaint::1"), "taskId": picked.read("id", str)}
    )
    mask = {"maskBase64": picture((4, 2), "white"), "prompt": "a moon", "taskId": opened.read("result", str)}
    region = await app.post("/mj/submit/modal", mask)
    zoom = await press(app, picked, "CustomZoom::")
    for answer in (region, zoom):
        assert (await poll(installation, app, submitted(answer))).read("status", str) == "SUCCESS"


async def test_texts_errors_seeds_and_the_gallery_are_shown(
    installation: Installation, app: ClientProgram
) -> None:
    shortened = await app.post("/mj/submit/shorten", {"prompt": "a red fox in deep snow"})
    task = await poll(installation, app, submitted(shortened))
    assert task.read("properties.finalZhPrompt", str) == ""
    assert task.read("properties.finalPrompt", str)
    button(task, "PromptAnalyzer::1")
    failed = await poll(installation, app, await imagine(app, "a wolf [fail moderation]"))
    assert (failed.read("status", str), bool(failed.read("failReason", str))) == ("FAILURE", True)
    grid = await poll(installation, app, await imagine(app, "a red fox"))
    number = grid.read("id", str)
    assert int((await app.get(f"/mj/task/{number}/image-seed")).read("result", str)) > 0
    gallery = await app.post("/mj/task/list-by-condition", {"ids": [int(number), 1]})
    assert [each["id"] for each in gallery.content] == [number]
    assert (await app.get("/mj/task/1/fetch")).status == 404
