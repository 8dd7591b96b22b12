"""video and animate: videos by a video model."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.midjourney.actions_support import custom_id, jobs_of, picture, press_button, sent, single
from tests.api.midjourney.stack import MidjourneyStack, open_stack


@pytest.fixture
async def cinema(sqlite_url: str, tmp_path: Path) -> AsyncIterator[MidjourneyStack]:
    """A stack with a video model."""
    async with open_stack(sqlite_url, tmp_path, midjourney_video_model="practice-video") as opened_:
        yield opened_


RED, BLUE = picture(colour="red"), picture(colour="blue")


async def test_a_video_has_a_video_url_and_no_image_url(cinema: MidjourneyStack) -> None:
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
        envelope = await press_button(cinema, parent, verb, state="mine")
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


async def test_extending_a_video_is_refused_with_the_reason(cinema: MidjourneyStack) -> None:
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


async def test_a_prompt_with_the_flag_video_makes_videos_of_its_picture(cinema: MidjourneyStack) -> None:
    url = f"{cinema.darkroom.provider.url}/elsewhere/pictures.example/fox.png"
    for prompt, images in ((f"{url} it runs", []), ("it runs", [RED])):
        text = f"{prompt} --video --bs 2 --motion high --loop --end {url}"
        task = await cinema.done("imagine", prompt=text, base64Array=images)
        assert (task["action"], task["status"], len(task["videoUrls"])) == ("VIDEO", "SUCCESS", 2)
        assert (task["prompt"], task["imageUrl"], task["buttons"]) == (text, None, [])
        called = await sent(cinema, task["id"])
        assert len(called.images) == 2
        assert "it runs\nMuch moves" in called.prompt
        assert "in a loop.\nIt ends with the second picture." in called.prompt
        assert "--" not in called.prompt


async def test_a_prompt_with_the_flag_video_needs_one_picture_and_a_video_model(
    cinema: MidjourneyStack, sqlite_url: str, tmp_path: Path
) -> None:
    for images, flags in (([], "--video"), ([RED, BLUE], "--video"), ([RED], "--video --bs 3")):
        envelope = await cinema.submit("imagine", prompt=f"it runs {flags}", base64Array=images)
        assert (envelope["code"], envelope["result"]) == (4, None)
    async with open_stack(sqlite_url, tmp_path) as stack:
        envelope = await stack.submit("imagine", prompt="it runs --video", base64Array=[RED])
    assert envelope["code"] == 4
    assert "DARKROOM_MIDJOURNEY_VIDEO_MODEL" in envelope["description"]


async def test_the_flags_of_a_videos_prompt_count_where_the_body_is_silent(cinema: MidjourneyStack) -> None:
    flags = "--video --bs 2 --motion low"
    for body, count, motion in (({}, 2, "slowly"), ({"batchSize": 1, "motion": "high"}, 1, "camera")):
        task = await cinema.done("video", prompt=f"it runs {flags}", image=RED, **body)
        called = await sent(cinema, task["id"])
        assert (len(task["videoUrls"]), motion in called.prompt, "--" in called.prompt) == (
            count,
            True,
            False,
        )
