"""Top-up: missing images of a call with n are called for one by one."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from models.queries.midjourney.completion import claim_ready_tasks
from models.states import JobStatus
from tests.api.midjourney.stack import open_stack
from worker.midjourney.completion import complete_task


async def test_missing_images_of_one_call_for_four_are_called_for_one_by_one(
    plain_database_url: str, tmp_path: Path
) -> None:
    async with open_stack(plain_database_url, tmp_path, upstream_preset="generic") as stack:
        number = await stack.number(prompt="a cat [1 picture]")
        await stack.dispatch()
        (job,) = await stack.jobs()
        await stack.force(job.id, JobStatus.LEASED, started_at=datetime.now(UTC), progress=60)
        assert (await stack.fetch(number))["progress"] == "60%"  # of the one call
        await stack.worker.deliver()
        called = await stack.fetch(number)
        await stack.complete()
        missing = await stack.fetch(number)
        jobs = await stack.jobs()
        assert [each.expires_at for each in jobs] == [job.expires_at] * 4  # all within the task's time
        for between in (called, missing):  # what was shown is not taken back
            assert (between["status"], between["progress"]) == ("IN_PROGRESS", "99%")
        await stack.work()

        task = await stack.fetch(number)
        assert (task["status"], len(task["imageUrls"])) == ("SUCCESS", 4)
        assert len(stack.darkroom.provider.call_log.calls) == 4


async def test_a_late_worker_does_not_complete_a_task_that_was_topped_up(
    plain_database_url: str, tmp_path: Path
) -> None:
    async with open_stack(plain_database_url, tmp_path, upstream_preset="generic") as stack:
        number = await stack.number(prompt="a cat [1 picture]")
        await stack.dispatch()
        await stack.worker.deliver()
        services, at = stack.darkroom.services, stack.darkroom.clock()
        async with services.database.writing() as connection:
            (claimed,) = await claim_ready_tasks(connection, at=at, until=at + timedelta(minutes=1), limit=5)

        for _ in range(2):  # another worker, when the claim was over, and then the first one
            assert not await complete_task(services, claimed)
        assert (await stack.fetch(number))["status"] == "IN_PROGRESS"
        await stack.work()
        assert len((await stack.fetch(number))["imageUrls"]) == 4
