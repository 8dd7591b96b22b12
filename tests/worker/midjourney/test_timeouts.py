"""Timeouts: tasks that can not be completed, and unanswered dialogs, fail."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from sqlalchemy import update

from models.queries.midjourney.completion import claim_ready_tasks, release_claim
from models.tables import channels, midjourney_tasks
from tests.api.midjourney.actions_support import press_button, single
from tests.api.midjourney.stack import MidjourneyStack, open_stack
from tests.api.midjourney.strict_types import decoded
from worker.maintenance.expiry import expire_overdue
from worker.midjourney.timeouts import expire_dialogs, fail_stuck_task, still_claimed


async def drawn(stack: MidjourneyStack, **body: Any) -> str:
    """Submit an imagine whose pictures are there, and that is yet to be ended."""
    number = await stack.number(**body)
    await stack.dispatch()
    await stack.worker.deliver()
    return number


async def change(stack: MidjourneyStack, number: str, **values: Any) -> None:
    """Change a task's row behind its back."""
    async with stack.darkroom.services.database.writing() as connection:
        one = midjourney_tasks.c.id == int(number)
        await connection.execute(update(midjourney_tasks).where(one).values(**values))


def picture_folder(stack: MidjourneyStack) -> Path:
    return Path(unquote(urlsplit(stack.darkroom.services.settings.storage_url).path))


async def test_a_task_whose_claim_was_released_is_not_failed(each_stack: MidjourneyStack) -> None:
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


async def test_a_task_whose_storage_stays_unavailable_fails_after_three_deadlines(
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


async def test_jobs_that_do_not_start_in_time_fail_their_task(
    plain_database_url: str, tmp_path: Path
) -> None:
    async with open_stack(plain_database_url, tmp_path, midjourney_deadline=60) as stack:
        async with stack.darkroom.services.database.writing() as connection:
            await connection.execute(update(channels).values(paused_at=stack.darkroom.clock()))
        number = await stack.number()
        await stack.work()
        assert (await stack.fetch(number))["status"] in ("NOT_START", "SUBMITTED")
        await expire_overdue(stack.darkroom.services.database, stack.darkroom.clock() + timedelta(seconds=61))
        await stack.complete()
        task = await stack.fetch(number)
        assert task["status"] == "FAILURE"
        assert "could not start by" in task["failReason"]
        assert stack.darkroom.provider.call_log.calls == []


async def test_an_unanswered_dialog_fails(plain_database_url: str, tmp_path: Path) -> None:
    async with open_stack(plain_database_url, tmp_path, midjourney_deadline=600) as stack:
        dialog = (await press_button(stack, await single(stack, prompt="a cat"), "Inpaint"))["result"]
        await expire_dialogs(stack.darkroom.services)
        assert (await stack.fetch(dialog))["status"] == "MODAL"
        async with stack.darkroom.services.database.writing() as connection:
            before = stack.darkroom.clock() - timedelta(seconds=601)
            one = midjourney_tasks.c.id == int(dialog)
            await connection.execute(update(midjourney_tasks).where(one).values(submitted_at=before))
        await expire_dialogs(stack.darkroom.services)
        task = await stack.fetch(dialog)
        assert (task["status"], task["failReason"]) == (
            "FAILURE",
            "The dialog was not answered within 600 s; nothing was drawn or charged.",
        )
        assert decoded(task)["startTime"] == task["finishTime"]
        refused = await stack.submit("modal", taskId=dialog, prompt="a hat")
        assert refused["code"] not in (1, 21, 22)
