"""Lines have the ids of the request or attempt for which they are written."""

import asyncio

from worker.process.log_context import (
    CONTEXT_NAMES,
    add_context,
    bind_log_context,
    create_detached_task,
    log_context,
    remove_context_names,
)


def line(**values: object) -> dict[str, object]:
    return dict(remove_context_names(None, "info", add_context(None, "info", {"event": "x", **values})))


async def test_tasks_have_the_context_of_the_work_that_starts_them_unless_they_are_detached() -> None:
    async def written() -> dict[str, object]:
        return line()

    with log_context(request_id="r"):
        bind_log_context(None, job="job_1", caller=None)
        assert line() == {"event": "x", "request_id": "r", "job": "job_1"}
        assert line(job="job_2") == {"event": "x", "request_id": "r", "job": "job_2"}
        assert await asyncio.create_task(written()) == line()
        assert await create_detached_task(written()) == {"event": "x"}
        with log_context(delivery="d"):
            assert line() == {"event": "x", "delivery": "d"}
    assert line() == {"event": "x"}


def test_a_line_says_which_of_its_values_its_context_added() -> None:
    with log_context(job="job_1", attempt=2):
        assert add_context(None, "info", {"event": "x", "job": "job_2"})[CONTEXT_NAMES] == ["attempt"]
