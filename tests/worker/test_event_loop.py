"""A stopped event loop leaves no thread waiting."""

import asyncio
from concurrent.futures import CancelledError, ThreadPoolExecutor
from threading import Event

import pytest

from worker.event_loop import LoopThread


async def wait_forever(started: Event) -> None:
    started.set()
    await asyncio.Event().wait()


def test_a_call_that_runs_when_the_loop_stops_is_cancelled() -> None:
    loop, started = LoopThread("test"), Event()
    loop.start()
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(loop.run, wait_forever(started))
        assert started.wait(timeout=30)
        loop.stop()
        with pytest.raises(CancelledError):
            waiting.result(timeout=30)


def test_a_call_after_the_loop_has_stopped_is_cancelled_at_once() -> None:
    loop = LoopThread("test")
    loop.start()
    loop.stop()
    with pytest.raises(CancelledError):
        loop.run(wait_forever(Event()))


def test_a_callback_runs_on_the_loop_and_is_ignored_once_the_loop_has_stopped() -> None:
    loop, called = LoopThread("test"), Event()
    loop.start()
    loop.call(called.set)
    assert called.wait(timeout=30)
    loop.stop()
    called.clear()
    loop.call(called.set)
    assert not called.is_set()
