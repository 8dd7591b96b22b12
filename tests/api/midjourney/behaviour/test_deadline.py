"""Every task ends, whatever its channels and its client do."""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import update

from models.tables import channels, midjourney_tasks
from tests.api.midjourney.asking import press, single
from tests.api.midjourney.strict import decoded
from tests.api.midjourney.studio import open_studio
from worker.maintenance.expiry import expire
from worker.midjourney.timeouts import expire_dialogs


async def test_calls_that_can_not_start_in_time_end_the_task(plain_database_url: str, tmp_path: Path) -> None:
    async with open_studio(plain_database_url, tmp_path, midjourney_deadline=60) as studio:
        async with studio.darkroom.services.database.writing() as connection:
            await connection.execute(update(channels).values(paused_at=studio.darkroom.clock()))
        number = await studio.number()
        await studio.develop()
        assert (await studio.fetch(number))["status"] in ("NOT_START", "SUBMITTED")
        await expire(studio.darkroom.services.database, studio.darkroom.clock() + timedelta(seconds=61))
        await studio.finish()
        task = await studio.fetch(number)
        assert task["status"] == "FAILURE"
        assert "could not start by" in task["failReason"]
        assert studio.darkroom.provider.call_log.calls == []


async def test_a_dialog_that_nobody_goes_on_with_ends(plain_database_url: str, tmp_path: Path) -> None:
    async with open_studio(plain_database_url, tmp_path, midjourney_deadline=600) as studio:
        dialog = (await press(studio, await single(studio, prompt="a cat"), "Inpaint"))["result"]
        await expire_dialogs(studio.darkroom.services)
        assert (await studio.fetch(dialog))["status"] == "MODAL"
        async with studio.darkroom.services.database.writing() as connection:
            before = studio.darkroom.clock() - timedelta(seconds=601)
            one = midjourney_tasks.c.id == int(dialog)
            await connection.execute(update(midjourney_tasks).where(one).values(submitted_at=before))
        await expire_dialogs(studio.darkroom.services)
        task = await studio.fetch(dialog)
        assert (task["status"], task["failReason"]) == (
            "FAILURE",
            "Nobody went on with it within 600 s; nothing was drawn or charged.",
        )
        assert decoded(task)["startTime"] == task["finishTime"]
        refused = await studio.submit("modal", taskId=dialog, prompt="a hat")
        assert refused["code"] not in (1, 21, 22)
