"""Task reader: long lists in batches."""

from typing import Any

from sqlalchemy import event

from models.queries.midjourney.tasks import task_by_id
from tests.api.midjourney.stack import MidjourneyStack
from worker.midjourney.task_reader import read_task_views


async def test_r29_a_very_long_list_is_read_in_batches_so_that_other_requests_run(
    stack: MidjourneyStack,
) -> None:
    number, services = int((await stack.done())["id"]), stack.darkroom.services
    reads: list[str] = []

    @event.listens_for(services.database.engine.sync_engine, "before_cursor_execute")
    def _note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        reads.append(statement)

    async with services.database.reading() as connection:
        task = await task_by_id(connection, number)
        assert task is not None
        views = await read_task_views(
            connection, [task] * 600, settings=services.settings, at=services.clock()
        )
    assert len(views) == 600
    assert len([each for each in reads if "FROM assets" in each]) == 3
