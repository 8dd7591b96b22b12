"""Tasks that can't end as they should fail with a plain reason, and keep no other from ending."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from sqlalchemy import select, update

from models.queries.midjourney.completion import claim_ready, release
from models.tables import assets, midjourney_tasks
from tests.api.midjourney.asking import jobs_of
from tests.api.midjourney.strict import decoded
from tests.api.midjourney.studio import Studio, open_studio
from tests.support.receiver import Receiver
from tests.worker.webhooks.webhook_worker import new_webhook_worker
from worker.midjourney.timeouts import fail_stuck_task, still_claimed


async def change(studio: Studio, number: str, **values: Any) -> None:
    """Change a task's row behind its back."""
    async with studio.darkroom.services.database.writing() as connection:
        one = midjourney_tasks.c.id == int(number)
        await connection.execute(update(midjourney_tasks).where(one).values(**values))


async def drawn(studio: Studio, **body: Any) -> str:
    """Submit an imagine whose pictures are there, and that is yet to be ended."""
    number = await studio.number(**body)
    await studio.look()
    await studio.worker.deliver()
    return number


def picture_folder(studio: Studio) -> Path:
    return Path(unquote(urlsplit(studio.darkroom.services.settings.storage_url).path))


async def test_a_task_that_no_try_can_end_fails_with_a_plain_reason_and_tells_it(each_studio: Studio) -> None:
    receiver, webhooks = Receiver(), new_webhook_worker(each_studio.darkroom)
    await receiver.start()
    number = await drawn(each_studio, notifyHook=receiver.url)
    await change(each_studio, number, request={"wanted": "four"})
    other = await drawn(each_studio, prompt="a dog")

    await each_studio.finish()
    await webhooks.send()
    await webhooks.context.close()
    await receiver.stop()
    task = await each_studio.fetch(number)
    assert (task["status"], task["progress"]) == ("FAILURE", "")
    assert decoded(task)["startTime"] < task["finishTime"]
    assert task["failReason"] == (
        "Its calls are done, but Darkroom could not put the result together (TypeError). "
        "Its jobs have what came."
    )
    assert [got.payload["status"] for got in receiver.messages][-1] == "FAILURE"
    assert (await each_studio.fetch(other))["status"] == "SUCCESS"


async def test_a_task_that_can_not_even_be_told_of_ends_and_keeps_no_other_from_it(studio: Studio) -> None:
    odd = await drawn(studio, notifyHook="http://127.0.0.1:9/hook")
    await change(studio, odd, request={"calls": "four", "wanted": "four"}, properties=["none"])
    other = await drawn(studio, prompt="a dog")

    await studio.finish()
    assert (await studio.fetch(other))["status"] == "SUCCESS"
    await change(studio, odd, properties={})
    assert (await studio.fetch(odd))["status"] == "FAILURE"


async def test_a_task_that_another_worker_lets_go_on_is_not_given_up(each_studio: Studio) -> None:
    number = await drawn(each_studio)
    services, at = each_studio.darkroom.services, each_studio.darkroom.clock()
    async with services.database.writing() as connection:
        (task,) = await claim_ready(connection, at=at, until=at + timedelta(minutes=1), limit=5)
    assert await still_claimed(services, task)
    async with services.database.writing() as connection:
        assert await release(connection, task.id)

    assert not await still_claimed(services, task)
    assert not await fail_stuck_task(services, task, "TypeError")
    assert (await each_studio.fetch(number))["status"] == "IN_PROGRESS"


DAMAGES = {"damaged": b"\x89PNG and then nothing", "empty": b"", "gone": None}


def spoil(pictures: Iterable[Path], content: bytes | None) -> None:
    """Write something else over stored pictures, or take them away."""
    for picture in pictures:
        picture.unlink() if content is None else picture.write_bytes(content)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("grid", [4, 1])
async def test_a_task_of_which_no_picture_can_be_opened_is_no_success(
    sqlite_url: str, tmp_path: Path, grid: int, damage: str
) -> None:
    async with open_studio(sqlite_url, tmp_path, midjourney_grid=grid) as studio:
        number = await drawn(studio)
        spoil(picture_folder(studio).rglob("*.png"), DAMAGES[damage])

        await studio.finish()
        task = decoded(await studio.fetch(number))
        assert (task["status"], task["imageUrl"], task["buttons"]) == ("FAILURE", None, [])
        assert "can't be opened" in task["failReason"]


async def test_a_damaged_picture_counts_as_one_that_did_not_come(studio: Studio) -> None:
    number = await drawn(studio)
    (first, *_) = await jobs_of(studio, number)
    async with studio.darkroom.services.database.reading() as connection:
        (asset,) = (await connection.execute(select(assets).where(assets.c.job_id == first.id))).all()
    spoil([picture_folder(studio) / asset.key], b"\x89PNG and then nothing")

    await studio.finish()
    task = await studio.fetch(number)
    assert (task["status"], len(task["imageUrls"])) == ("SUCCESS", 3)
    assert [each["label"] for each in task["buttons"]] == ["U1", "U2", "U3", "", "V1", "V2", "V3"]
    assert asset.token not in str(task)


async def test_a_task_whose_pictures_storage_never_gives_fails_at_last_and_not_before(studio: Studio) -> None:
    number = await drawn(studio)
    folder = picture_folder(studio)
    folder.rename(folder.with_name("elsewhere"))
    folder.write_text("not a folder any more")
    for deadlines, status in ((2.9, "IN_PROGRESS"), (3.1, "FAILURE")):
        before = timedelta(seconds=deadlines * studio.darkroom.services.settings.midjourney_deadline)
        await change(studio, number, submitted_at=studio.darkroom.clock() - before, claimed_until=None)
        await studio.finish()
        assert (await studio.fetch(number))["status"] == status
    assert "storage fails" in (await studio.fetch(number))["failReason"]
