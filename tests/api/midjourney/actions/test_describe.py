"""describe and shorten: a text model's words become prompts to pick from."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.midjourney.actions_support import jobs_of, picture, press_button
from tests.api.midjourney.stack import MidjourneyStack, open_stack

READS: dict[str, Any] = {"midjourney_text_model": "practice-text"}


@pytest.fixture
async def reader(sqlite_url: str, tmp_path: Path) -> AsyncIterator[MidjourneyStack]:
    """A stack with a text model."""
    async with open_stack(sqlite_url, tmp_path, **READS) as opened:
        yield opened


@pytest.fixture
async def each_reader(plain_database_url: str, tmp_path: Path) -> AsyncIterator[MidjourneyStack]:
    """The same on each kind of database."""
    async with open_stack(plain_database_url, tmp_path, **READS) as opened:
        yield opened


async def test_a_picture_is_described_by_four_numbered_prompts(each_reader: MidjourneyStack) -> None:
    reader = each_reader
    task = await reader.done("describe", base64=picture())
    prompts = task["prompt"].split("\n\n")
    assert (task["action"], task["status"]) == ("DESCRIBE", "SUCCESS")
    assert [prompt[:3] for prompt in prompts] == ["1️⃣", "2️⃣", "3️⃣", "4️⃣"]
    assert task["promptEn"] == task["properties"]["finalPrompt"] == task["prompt"]
    assert (task["properties"]["finalZhPrompt"], task["imageUrls"]) == ("", None)
    assert (await reader.service.client.get(task["imageUrl"])).headers["content-type"] == "image/png"
    assert [each["customId"].removeprefix("MJ::") for each in task["buttons"]] == [
        "Job::PicReader::1",
        "Job::PicReader::2",
        "Job::PicReader::3",
        "Job::PicReader::4",
        "Job::PicReader::all",
        "Picread::Retry",
    ]

    envelope = await press_button(reader, task, "PicReader::2")
    second = prompts[1][3:].strip()
    assert (envelope["code"], envelope["properties"]["finalPrompt"]) == (21, second)
    assert (await reader.submit("modal", taskId=envelope["result"]))["code"] == 1
    await reader.work()
    drawn = await reader.fetch(envelope["result"])
    assert (drawn["action"], drawn["prompt"], len(drawn["imageUrls"])) == ("IMAGINE", second, 4)


async def test_a_prompt_is_shortened(reader: MidjourneyStack) -> None:
    task = await reader.done("shorten", prompt="a very long prompt [deliver markdown_url]")
    final = task["properties"]["finalPrompt"]
    assert (task["action"], task["status"], task["imageUrl"]) == ("SHORTEN", "SUCCESS", None)
    assert final.startswith("## Shortened prompts\n1️⃣ ")
    assert task["properties"]["finalZhPrompt"] == ""
    assert [each["customId"] for each in task["buttons"]] == [
        f"MJ::Job::PromptAnalyzer::{number}" for number in range(1, 5)
    ]
    envelope = await press_button(reader, task, "PromptAnalyzer::1")
    assert (envelope["code"], bool(envelope["properties"]["finalPrompt"])) == (21, True)


async def test_a_model_that_refuses_fails_the_task_with_a_reason(reader: MidjourneyStack) -> None:
    task = await reader.done("shorten", prompt="a cat [refuse]")
    assert (task["status"], task["buttons"]) == ("FAILURE", [])
    assert task["failReason"]


async def test_without_a_text_model_both_are_refused_with_the_reason(stack: MidjourneyStack) -> None:
    for verb, body in (("describe", {"base64": picture()}), ("shorten", {"prompt": "a cat"})):
        envelope = await stack.submit(verb, **body)
        assert (envelope["code"], envelope["result"]) == (4, None)
        assert "DARKROOM_MIDJOURNEY_TEXT_MODEL" in envelope["description"]


async def test_nothing_to_read_is_refused(stack: MidjourneyStack) -> None:
    for verb, body in (("describe", {}), ("describe", {"base64": " "}), ("shorten", {"prompt": " "})):
        envelope = await stack.submit(verb, **body)
        assert (envelope["code"], envelope["result"]) == (4, None)


async def test_a_drawn_picture_is_described_by_what_it_shows(reader: MidjourneyStack) -> None:
    drawn = await reader.done("imagine", prompt="a red fox")
    bytes_ = (await reader.service.client.get(drawn["imageUrls"][0]["url"])).content
    task = await reader.done("describe", base64=base64.b64encode(bytes_).decode())
    assert task["prompt"].count("a red fox") == 4


async def test_an_image_by_url_is_stored_and_shown(reader: MidjourneyStack) -> None:
    link = f"{reader.darkroom.provider.url}/elsewhere/pictures.example/fox.png"
    task = await reader.done("describe", base64=link)
    assert (task["status"], (await jobs_of(reader, task["id"]))[0].request["images"]) == ("SUCCESS", [link])
    assert (await reader.service.client.get(task["imageUrl"])).headers["content-type"] == "image/png"


async def test_an_image_that_can_not_be_fetched_is_described_but_not_shown(reader: MidjourneyStack) -> None:
    task = await reader.done("describe", link="http://127.0.0.1:1/gone.png")
    assert (task["status"], task["imageUrl"]) == ("SUCCESS", None)
