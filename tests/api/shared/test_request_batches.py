"""Request batches: what waits together is read together, and nothing is read before it is asked for."""

import asyncio
from collections.abc import Sequence

import pytest

from api.shared.request_batches import RequestBatches
from models.errors import DatabaseAway


class Source:
    """Reads of numbers: each waits until it is let through; -1 fails, -2 can't be reached."""

    def __init__(self) -> None:
        self.reads: list[list[int]] = []
        self.begun, self.open = asyncio.Semaphore(0), asyncio.Event()

    async def read(self, keys: Sequence[int]) -> dict[int, int]:
        self.reads.append(list(keys))
        self.begun.release()
        await self.open.wait()
        if -1 in keys:
            raise ValueError
        if -2 in keys:
            raise DatabaseAway
        return {key: 10 * key for key in keys if key}


async def test_requests_that_come_during_a_reading_are_read_together_by_the_next() -> None:
    source, batches = Source(), RequestBatches[int, int](most=3)
    first = asyncio.create_task(batches.get("a", 1, source.read))
    other = asyncio.create_task(batches.get("b", 1, source.read))
    await source.begun.acquire()
    await source.begun.acquire()
    later = [asyncio.create_task(batches.get("a", key, source.read)) for key in (1, 1, 0, 2, 3)]
    cancelled = asyncio.create_task(batches.get("a", 4, source.read))
    await asyncio.sleep(0)
    cancelled.cancel()
    source.open.set()

    assert (await first, await other) == (10, 10)
    assert await asyncio.gather(*later) == [10, 10, None, 20, 30]
    assert await batches.get("a", 5, source.read) == 50
    assert source.reads == [[1], [1], [1, 0, 2], [3, 4], [5]]


@pytest.mark.parametrize(
    ("key", "error", "others", "reads"),
    [(-1, ValueError, [20, 30], [[2, -1, 3], [2], [-1], [3]]), (-2, DatabaseAway, None, [[2, -2, 3]])],
)
async def test_an_error_of_one_key_is_not_that_of_the_others_unless_the_database_is_away(
    key: int, error: type[Exception], others: list[int] | None, reads: list[list[int]]
) -> None:
    source, batches = Source(), RequestBatches[int, int]()
    source.open.set()
    found = await asyncio.gather(
        *(batches.get("a", each, source.read) for each in (2, key, 3)), return_exceptions=True
    )
    assert isinstance(found[1], error)
    assert found[::2] == others if others else {type(each) for each in found} == {error}
    assert source.reads == reads


async def test_a_batch_that_is_cancelled_leaves_no_request_waiting() -> None:
    source, batches = Source(), RequestBatches[int, int](most=1)
    waiting = [asyncio.create_task(batches.get("a", key, source.read)) for key in (1, 2)]
    await source.begun.acquire()
    [batch] = [task for task in asyncio.all_tasks() if task.get_name() == "request batches"]
    batch.cancel()
    found = await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), 10)
    assert [type(each) for each in found] == [asyncio.CancelledError] * 2
    source.open.set()
    assert await batches.get("a", 3, source.read) == 30
