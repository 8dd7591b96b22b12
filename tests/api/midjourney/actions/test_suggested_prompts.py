"""Suggested prompts of describe: one or all are drawn."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.midjourney.actions_support import jobs_of, picture, press_and_complete, press_button
from tests.api.midjourney.stack import MidjourneyStack, open_stack

READS: dict[str, Any] = {"midjourney_text_model": "practice-text"}


@pytest.fixture
async def reader(sqlite_url: str, tmp_path: Path) -> AsyncIterator[MidjourneyStack]:
    """A stack with a text model."""
    async with open_stack(sqlite_url, tmp_path, **READS) as opened:
        yield opened


async def test_all_prompts_of_a_description_are_drawn_side_by_side(reader: MidjourneyStack) -> None:
    task = await reader.done("describe", base64=picture())
    envelope = await press_button(reader, task, "PicReader::all")
    await reader.submit("modal", taskId=envelope["result"])
    prompts = {job.prompt for job in await jobs_of(reader, envelope["result"])}
    assert len(prompts) == 4
    await reader.work()
    again = await press_and_complete(reader, await reader.fetch(envelope["result"]), ":reroll::")
    assert {job.prompt for job in await jobs_of(reader, again["id"])} == prompts


async def test_a_suggested_prompt_is_drawn_in_the_style_of_its_description(reader: MidjourneyStack) -> None:
    task = await reader.done("describe", base64=picture(), botType="NIJI_JOURNEY")
    for pick in ("PicReader::1", "PicReader::all"):
        number = (await press_button(reader, task, pick))["result"]
        waiting = await reader.fetch(number)
        await reader.submit("modal", taskId=number)
        assert {(await reader.fetch(number))["botType"], waiting["botType"]} == {"NIJI_JOURNEY"}
        assert all("Japanese animation" in job.prompt for job in await jobs_of(reader, number))
