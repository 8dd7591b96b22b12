"""Every task ends, whatever its channels and its client do."""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import update

from models.tables import channels, midjourney_tasks
from tests.api.midjourney.actions_support import press, single
from tests.api.midjourney.stack import open_stack
from tests.api.midjourney.strict_types import decoded
from worker.maintenance.expiry import expire
from worker.midjourney.timeouts import expire_dialogs


async def test_calls_that_can_not_start_in_time_end_the_task(plain_database_url: str, tmp_path: Path) -> None:
    async with open_stack(plain_database_url, tmp_path, midjourney_deadline=60) as stack:
        async with stack.darkroom.services.database.writing() as connection:
            await connection.execute(update(channels).values(paused_at=stack.darkroom.clock()))
        number = await stack.number()
        await stack.work()
        assert (await stack.fetch(number))["status"] in ("NOT_START", "SUBMITTED")
        await expire(stack.darkroom.services.database, stack.darkroom.clock() + timedelta(seconds=61))
        await stack.complete()
        task = await stack.fetch(number)
        assert task["status"] == "FAILURE"
        assert "could not start by" in task["failReason"]
        assert stack.darkroom.provider.call_log.calls == []


async def test_a_dialog_that_nobody_goes_on_with_ends(plain_database_url: str, tmp_path: Path) -> None:
    async with open_stack(plain_database_url, tmp_path, midjourney_deadline=600) as stack:
        dialog = (await press(stack, await single(stack, prompt="a cat"), "Inpaint"))["result"]
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
            "Nobody went on with it within 600 s; nothing was drawn or charged.",
        )
        assert decoded(task)["startTime"] == task["finishTime"]
        refused = await stack.submit("modal", taskId=dialog, prompt="a hat")
        assert refused["code"] not in (1, 21, 22)
