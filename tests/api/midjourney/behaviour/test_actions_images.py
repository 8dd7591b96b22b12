"""blend, edits, retexture, swap-face, video, uploads, seeds: verbs that begin with the client's pictures."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.midjourney.actions_support import custom_id, jobs_of, opened, picture, press, sent, single
from tests.api.midjourney.stack import MidjourneyStack, open_stack
from tests.api.service import BOB

RED, BLUE = picture(colour="red"), picture(colour="blue")


async def test_pictures_are_blended_into_a_grid(each_stack: MidjourneyStack) -> None:
    task = await each_stack.done("blend", base64Array=[RED, BLUE], dimensions="PORTRAIT")
    assert (task["action"], task["status"], len(task["imageUrls"])) == ("BLEND", "SUCCESS", 4)
    request = await sent(each_stack, task["id"])
    assert (request.images, request.size) == ((RED, BLUE), "2:3")


async def test_a_blend_that_can_not_be_is_refused(stack: MidjourneyStack) -> None:
    bodies: list[dict[str, Any]] = [
        {},
        {"base64Array": None},
        {"base64Array": [RED]},
        {"base64Array": [RED] * 6},
        {"base64Array": [RED, "no picture"]},
        {"base64Array": [RED, BLUE], "dimensions": "ROUND"},
        {"base64Array": RED},
    ]
    for body in bodies:
        envelope = await stack.submit("blend", **body)
        assert (envelope["code"], envelope["result"]) == (4, None), body


async def test_a_picture_is_edited_with_and_without_a_mask(each_stack: MidjourneyStack) -> None:
    plain = await each_stack.done("edits", prompt="add a hat", image=RED)
    assert (plain["action"], plain["status"]) == ("EDIT", "SUCCESS")
    assert (await sent(each_stack, plain["id"])).images == (RED,)
    masked = await each_stack.done(
        "edits", prompt="add a hat", image=RED, maskBase64=picture((4, 2), "white")
    )
    images = (await sent(each_stack, masked["id"])).images
    assert (masked["status"], len(images), opened(images[2]).mode) == ("SUCCESS", 3, "RGBA")
    assert "CustomZoom" in str(masked["buttons"])


async def test_flags_of_an_edits_prompt_are_understood(stack: MidjourneyStack) -> None:
    for verb in ("edits", "retexture"):
        number = await stack.number(verb, prompt="add a hat --ar 16:9 --no rain --v 7", image=RED)
        request = await sent(stack, number)
        assert request.prompt.endswith("add a hat\nLeave out: rain.")
        assert request.size == "16:9"


async def test_the_picture_of_a_task_is_edited(stack: MidjourneyStack) -> None:
    parent = await single(stack)
    task = await stack.done("edits", prompt="add a hat", taskId=parent["id"])
    assert (task["parentId"], task["status"]) == (parent["id"], "SUCCESS")
    body = {"prompt": "add a hat", "taskId": parent["id"]}
    answer = await stack.call("POST", "/mj/submit/edits", json=body, headers={"mj-api-secret": BOB})
    assert answer.json()["code"] == 3


async def test_surfaces_are_drawn_anew(stack: MidjourneyStack) -> None:
    task = await stack.done("retexture", prompt="of wood", image=RED.partition(",")[2])
    assert (task["action"], task["status"]) == ("RETEXTURE", "SUCCESS")
    assert "of wood" in (await sent(stack, task["id"])).prompt


async def test_faces_are_swapped_and_the_answer_is_always_one(stack: MidjourneyStack) -> None:
    await stack.number("imagine")  # waits
    body = {"sourceBase64": RED, "targetBase64": BLUE}
    envelope = (await stack.call("POST", "/mj/insight-face/swap", json=body)).json()
    assert envelope["code"] == 1
    await stack.work()
    task = await stack.fetch(envelope["result"])
    assert (task["action"], task["status"], task["botType"]) == ("SWAP_FACE", "SUCCESS", "INSIGHT_FACE")
    assert (await sent(stack, task["id"])).images == (RED, BLUE)


async def test_what_is_missing_or_no_picture_is_refused(stack: MidjourneyStack) -> None:
    bad: list[tuple[str, dict[str, Any]]] = [
        ("insight-face/swap", {"sourceBase64": RED}),
        ("insight-face/swap", {"sourceBase64": RED, "targetBase64": RED}),
        ("insight-face/swap", {"sourceBase64": RED, "targetBase64": "no picture"}),
        ("submit/edits", {"prompt": "a hat"}),
        ("submit/edits", {"image": RED}),
        ("submit/edits", {"prompt": "a hat", "image": RED, "maskBase64": "no picture"}),
        ("submit/retexture", {"prompt": "of wood"}),
        ("submit/upload-discord-images", {"base64Array": []}),
        ("submit/upload-discord-images", {"base64Array": ["no picture"]}),
        ("submit/video", {"prompt": "it runs", "image": RED}),
    ]
    for path, body in bad:
        answer = await stack.call("POST", f"/mj/{path}", json=body)
        assert (answer.status_code, answer.json()["code"], answer.json()["result"]) == (200, 4, None), path
        assert "confirm" not in answer.json()["description"]


async def test_uploaded_pictures_have_addresses_that_need_no_key(each_stack: MidjourneyStack) -> None:
    link = "https://pictures.example/a.png"
    envelope = await each_stack.submit("upload-discord-images", base64Array=[RED, link])
    first, second = envelope["result"]
    assert (envelope["code"], second) == (1, link)
    assert (await each_stack.service.client.get(first)).headers["content-type"] == "image/png"


async def test_the_seed_of_a_task_is_a_number_in_a_string(stack: MidjourneyStack) -> None:
    seeded = await stack.done("imagine", prompt="a cat --seed 42")
    plain = await stack.done("imagine", prompt="a dog")
    answers = [
        (await stack.call("GET", f"/mj/task/{task['id']}/image-seed")).json() for task in (seeded, plain)
    ]
    assert [answer["code"] for answer in answers] == [1, 1]
    assert answers[0]["result"] == "42"
    assert int(answers[1]["result"]) > 0
    assert (await stack.call("GET", "/mj/task/123/image-seed")).status_code == 404


@pytest.fixture
async def cinema(sqlite_url: str, tmp_path: Path) -> AsyncIterator[MidjourneyStack]:
    """A stack with a video model."""
    async with open_stack(sqlite_url, tmp_path, midjourney_video_model="practice-video") as opened_:
        yield opened_


async def test_a_video_is_made_and_told_as_one(cinema: MidjourneyStack) -> None:
    task = await cinema.done("video", prompt="it runs", image=RED, motion="high", batchSize=2)
    assert (task["action"], task["status"], task["failReason"]) == ("VIDEO", "SUCCESS", None)
    assert (task["imageUrl"], task["imageUrls"], len(task["videoUrls"])) == (None, None, 2)
    answer = await cinema.service.client.get(task["videoUrl"])
    assert answer.headers["content-type"] == "video/mp4"
    assert "so does the camera" in (await sent(cinema, task["id"])).prompt
    assert len(await jobs_of(cinema, task["id"])) == 2
    refused = await cinema.submit("edits", prompt="add a hat", taskId=task["id"])
    assert (refused["code"], refused["description"]) == (4, "This task has no picture.")


async def test_a_picture_is_no_video(sqlite_url: str, tmp_path: Path) -> None:
    async with open_stack(sqlite_url, tmp_path, midjourney_video_model="practice-image") as stack:
        task = await stack.done("video", prompt="it runs", image=RED)
    assert (task["status"], task["videoUrl"]) == ("FAILURE", None)
    assert "video" in task["failReason"]


async def test_a_video_that_can_not_be_is_refused(cinema: MidjourneyStack) -> None:
    bad: list[dict[str, Any]] = [
        {"batchSize": 3},
        {"motion": "wild"},
        {"action": "extend", "taskId": "1", "index": 0},
        {"image": ""},
    ]
    for body in bad:
        envelope = await cinema.submit("video", **{"prompt": "it runs", "image": RED, **body})
        assert (envelope["code"], envelope["result"]) == (4, None), body


async def test_a_single_picture_is_animated_where_there_is_a_video_model(cinema: MidjourneyStack) -> None:
    parent = await single(cinema, prompt="a red fox")
    offered = [each["customId"].split("::")[2] for each in parent["buttons"][-2:]]
    assert offered == ["animate_high", "animate_low"]
    for verb, motion in (("animate_high", "so does the camera"), ("animate_low", "slowly")):
        envelope = await press(cinema, parent, verb, state="mine")
        assert envelope["code"] in (1, 22)
        task = await cinema.fetch(envelope["result"])
        assert (task["action"], task["parentId"], task["state"]) == ("VIDEO", parent["id"], "mine")
        (job,) = await jobs_of(cinema, task["id"])
        called = await sent(cinema, task["id"])
        assert (job.model, len(called.images)) == ("practice-video", 1)
        assert "a red fox" in called.prompt
        assert motion in called.prompt
        await cinema.work()
        task = await cinema.fetch(task["id"])
        assert (task["status"], task["imageUrl"], task["buttons"]) == ("SUCCESS", None, [])
        assert task["videoUrl"].endswith(".mp4")


async def test_without_a_video_model_nothing_is_offered_to_animate(stack: MidjourneyStack) -> None:
    task = await single(stack)
    assert not any("animate" in each["customId"] for each in task["buttons"])
    made = custom_id(task, "pan_left").replace("pan_left", "animate_low")
    envelope = await stack.submit("action", taskId=task["id"], customId=made)
    assert (envelope["code"], envelope["result"]) == (4, None)
    assert "DARKROOM_MIDJOURNEY_VIDEO_MODEL" in envelope["description"]


async def test_that_videos_can_not_be_extended_is_said_plainly(cinema: MidjourneyStack) -> None:
    grid = await cinema.done("imagine", prompt="a cat")
    task = await cinema.done("video", prompt="it runs #case:R072", image=RED)
    hash_ = custom_id(grid, ":upsample::1").split("::")[-1]
    for verb in ("animate_low_extend", "animate_high_extend"):
        made = f"MJ::JOB::{verb}::1::{hash_}::SOLO"
        envelope = await cinema.submit("action", taskId=task["id"], customId=made)
        assert (envelope["code"], envelope["result"]) == (4, None)
        assert "can't be extended" in envelope["description"]
    envelope = await cinema.submit("video", action="extend", taskId=task["id"], index=0, prompt="on")
    assert (envelope["code"], envelope["result"]) == (4, None)
    assert "can't be extended" in envelope["description"]
    envelope = await cinema.submit("action", taskId=grid["id"], customId=f"MJ::JOB::animate_low::1::{hash_}")
    assert (envelope["code"], envelope["description"]) == (4, "Only single pictures can be animated.")
