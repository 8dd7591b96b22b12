"""Shared results: one call at a time, and none while the last result is fresh."""

import asyncio

import pytest

from api.shared_result import SharedResult


class Source:
    """A function that ends when the test says so, and counts its calls."""

    def __init__(self) -> None:
        self.calls, self.go = 0, asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> int:
        self.calls += 1
        await self.go.wait()
        if self.error:
            raise self.error
        return self.calls


async def test_callers_at_the_same_time_and_soon_after_share_one_call() -> None:
    source = Source()
    shared = SharedResult(source, fresh=60)
    waiting = [asyncio.create_task(shared.value()) for _ in range(100)]
    await asyncio.sleep(0)
    source.go.set()
    assert await asyncio.gather(*waiting) == [1] * 100
    assert (await shared.value(), source.calls) == (1, 1)


async def test_a_result_that_is_not_fresh_is_read_again() -> None:
    source = Source()
    source.go.set()
    clock = iter([0.0, 1.0, 200.0, 200.0, 201.0])
    shared = SharedResult(source, fresh=60, clock=lambda: next(clock))
    assert await shared.value() == 1  # from 0 s to 1 s: fresh until 61 s
    assert await shared.value() == 2  # at 200 s


async def test_a_stale_result_is_returned_while_a_new_one_is_made() -> None:
    source = Source()
    source.go.set()
    now = 0.0
    shared = SharedResult(source, fresh=10, stale=60, clock=lambda: now)
    assert await shared.value() == 1
    now = 11.0
    assert await shared.value() == 1, "the next one is begun"
    await asyncio.sleep(0.01)
    assert await shared.value() == 2
    now = 200.0
    assert await shared.value() == 3, "too old to be returned once more"


async def test_an_error_is_shared_as_well() -> None:
    source = Source()
    source.go.set()
    source.error = OSError("away")
    shared = SharedResult(source, fresh=60)
    for _ in range(2):
        with pytest.raises(OSError, match="away"):
            await shared.value()
    assert source.calls == 1


async def test_a_caller_that_leaves_does_not_end_the_call_of_the_others() -> None:
    source = Source()
    shared = SharedResult(source, fresh=60)
    leaving, staying = asyncio.create_task(shared.value()), asyncio.create_task(shared.value())
    await asyncio.sleep(0)
    leaving.cancel()
    source.go.set()
    assert await staying == 1
