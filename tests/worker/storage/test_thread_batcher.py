"""Blocking calls, batched into thread hops."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from models.errors import StorageError
from worker.storage.thread_batcher import MAX_CALLS, ThreadBatcher


def blocking_call() -> tuple[Callable[[], None], threading.Event, threading.Event]:
    """Return a call that signals its start and blocks until released."""
    running, let = threading.Event(), threading.Event()

    def call() -> None:
        running.set()
        assert let.wait(10)

    return call, running, let


async def test_a_call_runs_in_a_thread() -> None:
    threads: list[int] = []
    await ThreadBatcher().run(lambda: threads.append(threading.get_ident()))
    assert threads != [threading.get_ident()]


async def test_calls_that_arrive_during_a_batch_run_in_one_batch() -> None:
    batcher, (call, running, let) = ThreadBatcher(), blocking_call()
    threads: list[int] = []
    first = asyncio.create_task(batcher.run(call))
    await asyncio.to_thread(running.wait)
    rest = [
        asyncio.create_task(batcher.run(lambda: threads.append(threading.get_ident()))) for _ in range(10)
    ]
    await asyncio.sleep(0)
    let.set()
    await asyncio.gather(first, *rest)
    assert len(threads) == 10
    assert len(set(threads)) == 1


async def test_a_long_queue_does_not_wait_for_a_slow_call() -> None:
    batcher, (call, running, let) = ThreadBatcher(), blocking_call()
    slow = asyncio.create_task(batcher.run(call))
    await asyncio.to_thread(running.wait)
    await asyncio.gather(*(batcher.run(lambda: None) for _ in range(MAX_CALLS)))
    assert not slow.done()
    let.set()
    await slow


async def test_one_call_that_fails_fails_alone() -> None:
    def fail() -> None:
        raise ValueError("mine")

    batcher = ThreadBatcher()
    outcomes = await asyncio.gather(
        *(batcher.run(call) for call in (lambda: None, fail, lambda: None)), return_exceptions=True
    )
    assert [str(outcome) for outcome in outcomes] == ["None", "mine", "None"]


async def test_each_step_is_run_for_all_calls_before_the_next_and_a_failed_step_ends_its_call() -> None:
    ran: list[str] = []

    def call(name: str) -> Iterator[None]:
        for step in "123":
            ran.append(name + step)
            if name + step == "b2":
                raise ValueError(name)
            yield

    batcher = ThreadBatcher()
    blocks, running, let = blocking_call()
    busy = asyncio.create_task(batcher.run(blocks))
    await asyncio.to_thread(running.wait)
    calls = [asyncio.ensure_future(batcher.run(partial(call, name))) for name in "abc"]
    await asyncio.sleep(0)
    let.set()
    outcomes = await asyncio.gather(busy, *calls, return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["None", "None", "b", "None"]
    assert ran == ["a1", "b1", "c1", "a2", "b2", "c2", "a3", "c3"]


async def test_a_call_cancelled_before_its_batch_is_not_run() -> None:
    batcher, (call, running, let) = ThreadBatcher(), blocking_call()
    made: list[str] = []
    first = asyncio.create_task(batcher.run(call))
    await asyncio.to_thread(running.wait)
    second = asyncio.create_task(batcher.run(lambda: made.append("second")))
    third = asyncio.create_task(batcher.run(lambda: made.append("third")))
    await asyncio.sleep(0)
    second.cancel()
    let.set()
    await asyncio.gather(first, third)
    with pytest.raises(asyncio.CancelledError):
        await second
    assert made == ["third"]


async def test_calls_queued_after_many_cancelled_ones_still_run() -> None:
    batcher, (call, running, let) = ThreadBatcher(), blocking_call()
    first = asyncio.create_task(batcher.run(call))
    await asyncio.to_thread(running.wait)
    given_up = [asyncio.create_task(batcher.run(lambda: None)) for _ in range(MAX_CALLS - 1)]
    await asyncio.sleep(0)
    for task in given_up:
        task.cancel()
    last = asyncio.create_task(batcher.run(lambda: None))
    let.set()
    await asyncio.gather(first, last)
    await batcher.run(lambda: None)


async def test_a_shut_down_executor_fails_its_waiting_calls() -> None:
    threads, (call, running, let) = ThreadPoolExecutor(1), blocking_call()
    threads.submit(call)
    waiting = asyncio.create_task(ThreadBatcher(threads).run(lambda: None))
    await asyncio.to_thread(running.wait)
    await asyncio.sleep(0)
    threads.shutdown(wait=False, cancel_futures=True)
    let.set()
    with pytest.raises(StorageError):
        await waiting


def test_every_loop_has_its_own() -> None:
    batcher, made = ThreadBatcher(), []

    async def run_one() -> None:
        await batcher.run(lambda: made.append(1))

    for _ in range(3):
        asyncio.run(run_one())
    assert made == [1, 1, 1]
