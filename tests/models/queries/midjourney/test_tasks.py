"""Queries of tasks: the statuses in SQL are those that are derived from the parts in Python."""

from datetime import UTC, datetime
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


async def test_a_filter_by_status_finds_the_tasks_with_that_status(each_stack: MidjourneyStack) -> None:
    task_id = int(await each_stack.number())
    job = (await each_stack.jobs())[0]
    for status, columns in STATES:
        await each_stack.force(job.id, status, **{"started_at": datetime.now(UTC), **columns})
        async with each_stack.darkroom.services.database.reading() as connection:
            task = await task_by_id(connection, task_id)
            assert task is not None
            found = [
                each
                for each in TaskStatus
                if (
                    await page_of_tasks(
                        connection,
                        task.caller_id,
                        TaskFilter(statuses=[each]),
                        sort="id",
                        descending=True,
                        offset=0,
                        limit=10,
                    )
                )[1]
            ]
            assert found == [task_state_of(task, await parts_of(connection, [task_id])).status], status
