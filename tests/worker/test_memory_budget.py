"""Memory budget: first come, first served; nothing waits forever; what is cancelled holds nothing."""

import asyncio
from collections.abc import Awaitable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.memory_budget import MemoryBudget, Reservation


async def waits(task: "asyncio.Task[None]") -> bool:
    """Return whether a task still waits after all that can run has run."""
    for _ in range(5):
        await asyncio.sleep(0)
    return not task.done()


def start(work: Awaitable[None]) -> "asyncio.Task[None]":
    return asyncio.ensure_future(work)


async def holding(budget: MemoryBudget, size: int) -> Reservation:
    reservation = budget.reservation()
    await reservation.acquire(size)
    return reservation


async def test_what_does_not_fit_waits_until_memory_is_released() -> None:
    budget = MemoryBudget(100)
    first, second = await holding(budget, 70), budget.reservation()
    task = start(second.acquire(40))
    assert await waits(task)
    first.shrink(60)
    assert not await waits(task)
    assert budget.used == 100


async def test_small_requests_do_not_overtake_a_large_one() -> None:
    budget = MemoryBudget(100)
    first = await holding(budget, 50)
    large, small = start(budget.reservation().acquire(80)), start(budget.reservation().acquire(10))
    assert await waits(large)
    assert await waits(small)
    first.release()
    assert not await waits(large)
    assert not await waits(small)


async def test_a_request_beyond_the_budget_is_granted_alone() -> None:
    budget = MemoryBudget(100)
    first = await holding(budget, 1)
    huge, next_one = budget.reservation(), budget.reservation()
    huge_task, next_task = start(huge.acquire(1000)), start(next_one.acquire(1))
    assert await waits(huge_task)
    first.release()
    assert not await waits(huge_task)
    assert await waits(next_task)
    huge.release()
    assert not await waits(next_task)


async def test_a_cancelled_request_lets_the_next_one_pass() -> None:
    budget = MemoryBudget(100)
    await holding(budget, 50)
    large, small = start(budget.reservation().acquire(80)), start(budget.reservation().acquire(10))
    assert await waits(small)
    large.cancel()
    assert not await waits(small)
    assert budget.used == 60


async def test_a_request_cancelled_in_the_moment_of_its_grant_holds_nothing_afterwards() -> None:
    budget = MemoryBudget(100)
    first = await holding(budget, 100)

    async def hold() -> None:
        async with budget.reservation() as reservation:
            await reservation.acquire(60)

    task = start(hold())
    assert await waits(task)
    first.release()
    task.cancel()
    assert not await waits(task)
    assert budget.used == 0


async def test_a_reservation_that_holds_memory_can_not_wait_for_more() -> None:
    reservation = await holding(MemoryBudget(100), 10)
    with pytest.raises(ValueError, match="only grow"):
        await reservation.acquire(10)


async def test_growth_goes_first_and_the_oldest_never_waits() -> None:
    budget = MemoryBudget(100)
    one, two = await holding(budget, 50), await holding(budget, 50)
    await one.grow(30)
    growing, new = start(two.grow(30)), start(budget.reservation().acquire(1))
    await one.grow(30)
    assert await waits(growing)
    assert await waits(new)
    one.release()
    assert not await waits(growing)
    assert not await waits(new)


async def test_the_next_oldest_goes_on_when_the_oldest_ends_elsewhere() -> None:
    budget = MemoryBudget(10)
    one, two, three = budget.reservation(), budget.reservation(), await holding(budget, 10)
    await one.grow(5)
    task = start(two.grow(50))
    assert await waits(task)
    one.release()
    assert not await waits(task)
    assert (two.size, three.size, budget.used) == (50, 10, 60)


@given(st.lists(st.tuples(st.integers(0, 150), st.integers(0, 150), st.booleans()), max_size=12))
def test_jobs_of_any_sizes_end_and_release_everything(jobs: list[tuple[int, int, bool]]) -> None:
    async def run() -> None:
        budget = MemoryBudget(100)
        done = []

        async def job(first: int, more: int, cancelled: bool) -> None:
            async with budget.reservation() as reservation:
                await reservation.acquire(first)
                await asyncio.sleep(0)
                reservation.shrink(first // 2)
                await reservation.grow(more)
                await asyncio.sleep(0)
            done.append(cancelled)

        tasks = [start(job(*each)) for each in jobs]
        await asyncio.sleep(0)
        for task, (_, _, cancelled) in zip(tasks, jobs, strict=True):
            if cancelled:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert budget.used == 0
        assert done.count(False) == sum(not cancelled for _, _, cancelled in jobs)

    asyncio.run(run())
