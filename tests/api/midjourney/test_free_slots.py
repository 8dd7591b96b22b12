"""Code 22: only while no slot is free for the calls of the new task."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from models.queries.callers import change_limits
from models.tables import channels
from tests.api.midjourney.stack import MidjourneyStack, open_stack
from tests.api.service import BOB


async def codes(stack: MidjourneyStack, count: int, **options: Any) -> list[int]:
    """Submit tasks one after the other; return their codes."""
    answers = [
        await stack.call("POST", "/mj/submit/imagine", json={"prompt": f"{n}"}, **options)
        for n in range(count)
    ]
    return [answer.json()["code"] for answer in answers]


async def change_channel(stack: MidjourneyStack, **columns: Any) -> None:
    async with stack.darkroom.services.database.writing() as connection:
        await connection.execute(update(channels).values(**columns))
    stack.service.services.snapshots.clear()


async def test_rapid_submits_on_an_idle_channel_are_code_1(each_stack: MidjourneyStack) -> None:
    assert await codes(each_stack, 4) == [1, 1, 1, 22]  # the worker has 10 slots, and a task 4 calls


@pytest.mark.parametrize(("limit", "expected"), [(4, [1, 22, 22]), (9, [1, 1, 1, 22])])
async def test_the_calls_that_a_channel_takes_are_slots(
    plain_database_url: str, tmp_path: Path, limit: int, expected: list[int]
) -> None:
    async with open_stack(plain_database_url, tmp_path, upstream_concurrency=limit) as stack:
        assert await codes(stack, len(expected)) == expected


async def test_a_call_takes_one_slot_from_its_submit_to_its_end(each_stack: MidjourneyStack) -> None:
    assert await codes(each_stack, 2) == [1, 1]
    await each_stack.dispatch()  # leased: the cached snapshot has none of them
    assert await codes(each_stack, 2) == [1, 22]
    await each_stack.worker.deliver()
    await each_stack.work()
    assert await codes(each_stack, 3) == [1, 1, 1]


async def test_the_calls_of_other_callers_take_slots(each_stack: MidjourneyStack) -> None:
    await codes(each_stack, 3, headers={"mj-api-secret": BOB})
    assert await codes(each_stack, 2) == [1, 22]  # the first has none of its own tasks before it


async def test_a_closed_channel_and_dead_workers_have_no_slot(stack: MidjourneyStack) -> None:
    await change_channel(stack, paused_at=stack.darkroom.clock(), paused_reason="moving house")
    assert await codes(stack, 2) == [1, 22]
    await change_channel(stack, paused_at=None)
    assert await codes(stack, 1) == [1]


async def test_a_callers_own_limit_of_calls_in_flight_counts(stack: MidjourneyStack) -> None:
    caller = (await stack.service.services.authenticator.check(stack.service.key or "")).caller
    assert caller is not None
    async with stack.service.services.database.writing() as connection:
        await change_limits(connection, caller.id, {"concurrency": 4})
    assert await codes(stack, 2) == [1, 22]
