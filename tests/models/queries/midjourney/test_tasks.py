"""Queries of tasks: the statuses in SQL are those that are derived from the parts in Python."""

from datetime import UTC, datetime, timedelta
from typing import Any

from models.midjourney.protocol import TaskStatus
from models.midjourney.task_status import task_state_of
from models.queries.midjourney.tasks import TaskFilter, page_of_tasks, parts_of, task_by_id
from models.states import JobStatus
from tests.api.midjourney.stack import MidjourneyStack

STATES: list[tuple[JobStatus, dict[str, Any]]] = [
    (JobStatus.QUEUED, {"started_at": None}),
    (JobStatus.RUNNING, {"progress": 0, "attempts_used": 1}),
    (JobStatus.RUNNING, {"progress": 30, "attempts_used": 1}),
    (JobStatus.RUNNING, {"progress": 0, "attempts_used": 2}),
    (JobStatus.QUEUED, {"progress": 0, "attempts_used": 1}),
    (JobStatus.SUCCEEDED, {"progress": 100, "attempts_used": 1}),
]


async def assert_filters_agree(stack: MidjourneyStack, task_id: int, at: datetime) -> TaskStatus:
    """Check that exactly the filter of its status finds a task; return the status."""
    async with stack.darkroom.services.database.reading() as connection:
        task = await task_by_id(connection, task_id)
        assert task is not None
        found = [
            each
            for each in TaskStatus
            if (
                await page_of_tasks(
                    connection,
                    task.caller_id,
                    TaskFilter(ids=[task_id], statuses=[each], at=at),
                    sort="id",
                    descending=True,
                    offset=0,
                    limit=10,
                )
            )[1]
        ]
        assert found == [task_state_of(task, await parts_of(connection, [task_id]), at).status]
    return found[0]


async def test_a_filter_by_status_finds_the_tasks_with_that_status(each_stack: MidjourneyStack) -> None:
    task_id = int(await each_stack.number())
    job = (await each_stack.jobs())[0]
    for status, columns in STATES:
        await each_stack.force(job.id, status, **{"started_at": datetime.now(UTC), **columns})
        await assert_filters_agree(each_stack, task_id, datetime.now(UTC))


async def test_a_task_without_a_call_is_found_in_progress_until_its_end(each_stack: MidjourneyStack) -> None:
    grid = await each_stack.done()
    task_id = int(await each_stack.number("change", taskId=grid["id"], action="UPSCALE", index=1))
    now = datetime.now(UTC)
    before, after = now - timedelta(minutes=1), now + timedelta(minutes=1)
    assert await assert_filters_agree(each_stack, task_id, before) is TaskStatus.IN_PROGRESS
    assert await assert_filters_agree(each_stack, task_id, after) is TaskStatus.SUCCESS
