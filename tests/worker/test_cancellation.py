"""The end of background tasks."""

import asyncio
from contextlib import suppress

import pytest

from worker.cancellation import cancel_and_wait


async def test_cancelled_tasks_have_ended_whatever_they_raise() -> None:
    async def fail_at_its_end() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise RuntimeError("at its end")

    tasks = [asyncio.create_task(fail_at_its_end()), asyncio.create_task(asyncio.Event().wait())]
    await asyncio.sleep(0)

    await cancel_and_wait(*tasks)

    assert isinstance(tasks[0].exception(), RuntimeError)
    assert tasks[1].cancelled()


async def test_a_cancellation_of_the_caller_meanwhile_is_not_lost() -> None:
    released = asyncio.Event()

    async def end_slowly() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await released.wait()

    slow = asyncio.create_task(end_slowly())
    await asyncio.sleep(0)
    caller = asyncio.create_task(cancel_and_wait(slow))
    await asyncio.sleep(0)
    caller.cancel()
    released.set()

    with pytest.raises(asyncio.CancelledError):
        await caller
    await asyncio.wait([slow])


async def test_a_task_that_misses_a_cancellation_is_cancelled_again() -> None:
    async def miss_one() -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        await asyncio.Event().wait()

    task = asyncio.create_task(miss_one())
    await asyncio.sleep(0)

    await cancel_and_wait(task, again=0)

    assert task.cancelled()
