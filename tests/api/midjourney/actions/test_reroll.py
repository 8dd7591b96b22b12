"""reroll: the jobs of the parent, again."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.midjourney.actions_support import jobs_of, picture, press_and_complete
from tests.api.midjourney.stack import MidjourneyStack, open_stack

READS: dict[str, Any] = {"midjourney_text_model": "practice-text"}


@pytest.fixture
async def reader(sqlite_url: str, tmp_path: Path) -> AsyncIterator[MidjourneyStack]:
    """A stack with a text model."""
    async with open_stack(sqlite_url, tmp_path, **READS) as opened:
        yield opened


async def test_a_reroll_runs_the_prompt_again_without_its_seed(stack: MidjourneyStack) -> None:
    parent = await stack.done("imagine", prompt="a cat --seed 7")
    task = await press_and_complete(stack, parent, "reroll")
    assert (task["action"], task["prompt"], len(task["imageUrls"])) == ("REROLL", "a cat --seed 7", 4)
    jobs = await jobs_of(stack, task["id"])
    assert [(job.prompt, job.request["params"]) for job in jobs] == [("a cat", {})] * 4
    assert task["imageUrl"] != parent["imageUrl"]


async def test_a_picture_is_described_again(reader: MidjourneyStack) -> None:
    task = await reader.done("describe", base64=picture())
    other = await press_and_complete(reader, task, "Picread::Retry")
    assert (other["action"], other["status"], other["imageUrl"]) == ("DESCRIBE", "SUCCESS", task["imageUrl"])
