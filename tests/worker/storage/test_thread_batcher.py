"""Blocking calls that travel together."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from models.errors import StorageError
from worker.storage.thread_batcher import MAX_CALLS, ThreadBatcher


def gate() -> tuple[Callable[[], None], threading.Event, threading.Event]:
    """Make a call that says when it runs and goes on when it is let."""
    running, let = threading.Event(), threading.Event()

    def call() -> None:
        running.set()
        assert let.wait(10)

    return call, running, let


async def test_a_call_runs_in_a_thread() -> None:
    threads: list[int] = []
    await ThreadBatcher().run(lambda: threads.append(threading.get_ident()))
    assert threads != [threading.get_ident()]


async def test_calls_that_come_in_meanwhile_travel_together() -> None:
    convoys, (call, running, let) = ThreadBatcher(), gate()
    threads: list[int] = []
    first = asyncio.create_task(convoys.run(call))
    await asyncio.to_thread(running.wait)
    rest = [
        asyncio.create_task(convoys.run(lambda: threads.append(threading.get_ident()))) for _ in range(10)
    ]
    await asyncio.sleep(0)
    let.set()
    await asyncio.gather(first, *rest)
    assert len(threads) == 10
    assert len(set(threads)) == 1


async def test_a_long_queue_does_not_wait_for_a_slow_call() -> None:
    convoys, (call, running, let) = ThreadBatcher(), gate()
    slow = asyncio.create_task(convoys.run(call))
    await asyncio.to_thread(running.wait)
    await asyncio.gather(*(convoys.run(lambda: None) for _ in range(MAX_CALLS)))
    assert not slow.done()
    let.set()
    await slow


async def test_one_call_that_fails_fails_alone() -> None:
    def fail() -> None:
        raise ValueError("mine")

    convoys = ThreadBatcher()
    outcomes = await asyncio.gather(
        *(convoys.run(call) for call in (lambda: None, fail, lambda: None)), return_exceptions=True
    )
    assert [str(outcome) for outcome in outcomes] == ["None", "mine", "None"]


async def test_a_call_cancelled_before_its_trip_is_not_made() -> None:
    convoys, (call, running, let) = ThreadBatcher(), gate()
    made: list[str] = []
    first = asyncio.create_task(convoys.run(call))
    await asyncio.to_thread(running.wait)
    second = asyncio.create_task(convoys.run(lambda: made.append("second")))
    third = asyncio.create_task(convoys.run(lambda: made.append("third")))
    await asyncio.sleep(0)
    second.cancel()
    let.set()
    await asyncio.gather(first, third)
    with pytest.raises(asyncio.CancelledError):
        await second
    assert made == ["third"]


async def test_those_behind_many_cancelled_calls_are_not_forgotten() -> None:
    convoys, (call, running, let) = ThreadBatcher(), gate()
    first = asyncio.create_task(convoys.run(call))
    await asyncio.to_thread(running.wait)
    given_up = [asyncio.create_task(convoys.run(lambda: None)) for _ in range(MAX_CALLS - 1)]
    await asyncio.sleep(0)
    for task in given_up:
        task.cancel()
    last = asyncio.create_task(convoys.run(lambda: None))
    let.set()
    await asyncio.gather(first, last)
    await convoys.run(lambda: None)


async def test_threads_that_are_shut_down_leave_nobody_waiting() -> None:
    threads, (call, running, let) = ThreadPoolExecutor(1), gate()
    threads.submit(call)
    waiting = asyncio.create_task(ThreadBatcher(threads).run(lambda: None))
    await asyncio.to_thread(running.wait)
    await asyncio.sleep(0)
    threads.shutdown(wait=False, cancel_futures=True)
    let.set()
    with pytest.raises(StorageError):
        await waiting


def test_every_loop_has_its_own() -> None:
    convoys, made = ThreadBatcher(), []

    async def once() -> None:
        await convoys.run(lambda: made.append(1))

    for _ in range(3):
        asyncio.run(once())
    assert made == [1, 1, 1]
