"""Tasks that can't end as they should fail with a plain reason, and keep no other from ending."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from sqlalchemy import select, update

from models.queries.midjourney.completion import claim_ready_tasks, release_claim
from models.tables import assets, midjourney_tasks
from tests.api.midjourney.actions_support import jobs_of
from tests.api.midjourney.stack import MidjourneyStack, open_stack
from tests.api.midjourney.strict_types import decoded
from tests.support.receiver import Receiver
from tests.worker.webhooks.webhook_worker import new_webhook_worker
from worker.midjourney.timeouts import fail_stuck_task, still_claimed


async def change(stack: MidjourneyStack, number: str, **values: Any) -> None:
    """Change a task's row behind its back."""
    async with stack.darkroom.services.database.writing() as connection:
        one = midjourney_tasks.c.id == int(number)
        await connection.execute(update(midjourney_tasks).where(one).values(**values))


async def drawn(stack: MidjourneyStack, **body: Any) -> str:
    """Submit an imagine whose pictures are there, and that is yet to be ended."""
    number = await stack.number(**body)
    await stack.dispatch()
    await stack.worker.deliver()
    return number


def picture_folder(stack: MidjourneyStack) -> Path:
    return Path(unquote(urlsplit(stack.darkroom.services.settings.storage_url).path))


async def test_a_task_that_no_try_can_end_fails_with_a_plain_reason_and_tells_it(
    each_stack: MidjourneyStack,
) -> None:
    receiver, webhooks = Receiver(), new_webhook_worker(each_stack.darkroom)
    await receiver.start()
    number = await drawn(each_stack, notifyHook=receiver.url)
    await change(each_stack, number, request={"wanted": "four"})
    other = await drawn(each_stack, prompt="a dog")

    await each_stack.complete()
    await webhooks.send()
    await webhooks.context.close()
    await receiver.stop()
    task = await each_stack.fetch(number)
    assert (task["status"], task["progress"]) == ("FAILURE", "")
    assert decoded(task)["startTime"] < task["finishTime"]
    assert task["failReason"] == (
        "Its calls are done, but Darkroom could not put the result together (TypeError). "
        "Its jobs have what came."
    )
    assert [got.payload["status"] for got in receiver.messages][-1] == "FAILURE"
    assert (await each_stack.fetch(other))["status"] == "SUCCESS"


async def test_a_task_that_can_not_even_be_told_of_ends_and_keeps_no_other_from_it(
    stack: MidjourneyStack,
) -> None:
    odd = await drawn(stack, notifyHook="http://127.0.0.1:9/hook")
    await change(stack, odd, request={"calls": "four", "wanted": "four"}, properties=["none"])
    other = await drawn(stack, prompt="a dog")

    await stack.complete()
    assert (await stack.fetch(other))["status"] == "SUCCESS"
    await change(stack, odd, properties={})
    assert (await stack.fetch(odd))["status"] == "FAILURE"


async def test_a_task_that_another_worker_lets_go_on_is_not_given_up(each_stack: MidjourneyStack) -> None:
    number = await drawn(each_stack)
    services, at = each_stack.darkroom.services, each_stack.darkroom.clock()
    async with services.database.writing() as connection:
        (task,) = await claim_ready_tasks(connection, at=at, until=at + timedelta(minutes=1), limit=5)
    assert await still_claimed(services, task)
    async with services.database.writing() as connection:
        assert await release_claim(connection, task.id)

    assert not await still_claimed(services, task)
    assert not await fail_stuck_task(services, task, "TypeError")
    assert (await each_stack.fetch(number))["status"] == "IN_PROGRESS"


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
    async with open_stack(sqlite_url, tmp_path, midjourney_grid=grid) as stack:
        number = await drawn(stack)
        spoil(picture_folder(stack).rglob("*.png"), DAMAGES[damage])

        await stack.complete()
        task = decoded(await stack.fetch(number))
        assert (task["status"], task["imageUrl"], task["buttons"]) == ("FAILURE", None, [])
        assert "can't be opened" in task["failReason"]


async def test_a_damaged_picture_counts_as_one_that_did_not_come(stack: MidjourneyStack) -> None:
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


async def test_a_task_whose_pictures_storage_never_gives_fails_at_last_and_not_before(
    stack: MidjourneyStack,
) -> None:
    number = await drawn(stack)
    folder = picture_folder(stack)
    folder.rename(folder.with_name("elsewhere"))
    folder.write_text("not a folder any more")
    for deadlines, status in ((2.9, "IN_PROGRESS"), (3.1, "FAILURE")):
        before = timedelta(seconds=deadlines * stack.darkroom.services.settings.midjourney_deadline)
        await change(stack, number, submitted_at=stack.darkroom.clock() - before, claimed_until=None)
        await stack.complete()
        assert (await stack.fetch(number))["status"] == status
    assert "storage fails" in (await stack.fetch(number))["failReason"]
