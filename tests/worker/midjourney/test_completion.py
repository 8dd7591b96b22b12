"""Completion: the result of a task from the images of its jobs."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from sqlalchemy import select

from models.tables import assets
from tests.api.midjourney.actions_support import jobs_of
from tests.api.midjourney.stack import MidjourneyStack, open_stack
from tests.api.midjourney.strict_types import decoded


async def drawn(stack: MidjourneyStack, **body: Any) -> str:
    """Submit an imagine whose pictures are there, and that is yet to be ended."""
    number = await stack.number(**body)
    await stack.dispatch()
    await stack.worker.deliver()
    return number


def picture_folder(stack: MidjourneyStack) -> Path:
    return Path(unquote(urlsplit(stack.darkroom.services.settings.storage_url).path))


DAMAGES = {"damaged": b"\x89PNG and then nothing", "empty": b"", "gone": None}


def spoil(pictures: Iterable[Path], content: bytes | None) -> None:
    """Write something else over stored pictures, or take them away."""
    for picture in pictures:
        picture.unlink() if content is None else picture.write_bytes(content)


async def test_three_of_four_images_succeed_without_the_buttons_of_the_fourth(
    stack: MidjourneyStack,
) -> None:
    task = await stack.done(prompt="a cat [fail moderation once]")

    assert task["status"] == "SUCCESS"
    assert [button["label"] for button in task["buttons"]] == ["U1", "U2", "U3", "", "V1", "V2", "V3"]
    assert len(task["imageUrls"]) == 3


async def test_one_of_four_images_is_shown_without_a_grid(stack: MidjourneyStack) -> None:
    task = await stack.done(prompt="a cat [fail moderation 3 times]")

    assert [button["label"] for button in task["buttons"]] == ["U1", "", "V1"]
    assert (task["imageUrl"] is not None, task["imageUrls"]) == (True, None)


async def test_a_task_without_images_fails_with_the_providers_reason(stack: MidjourneyStack) -> None:
    task = await stack.done(prompt="a cat [fail moderation]")

    assert (task["status"], task["progress"]) == ("FAILURE", "")
    assert task["failReason"]
    assert (task["imageUrl"], task["imageUrls"], task["buttons"]) == (None, None, [])


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("grid", [4, 1])
async def test_a_task_without_an_undamaged_image_fails(
    sqlite_url: str, tmp_path: Path, grid: int, damage: str
) -> None:
    async with open_stack(sqlite_url, tmp_path, midjourney_grid=grid) as stack:
        number = await drawn(stack)
        spoil(picture_folder(stack).rglob("*.png"), DAMAGES[damage])

        await stack.complete()
        task = decoded(await stack.fetch(number))
        assert (task["status"], task["imageUrl"], task["buttons"]) == ("FAILURE", None, [])
        assert "can't be opened" in task["failReason"]


async def test_a_damaged_image_counts_as_missing(stack: MidjourneyStack) -> None:
    number = await drawn(stack)
    (first, *_) = await jobs_of(stack, number)
    async with stack.darkroom.services.database.reading() as connection:
        (asset,) = (await connection.execute(select(assets).where(assets.c.job_id == first.id))).all()
    spoil([picture_folder(stack) / asset.key], b"\x89PNG and then nothing")

    await stack.complete()
    task = await stack.fetch(number)
    assert (task["status"], len(task["imageUrls"])) == ("SUCCESS", 3)
    assert [each["label"] for each in task["buttons"]] == ["U1", "U2", "U3", "", "V1", "V2", "V3"]
    assert asset.token not in str(task)
