"""A loop in a thread of its own leaves nobody waiting."""

import asyncio
from concurrent.futures import CancelledError, ThreadPoolExecutor
from threading import Event

import pytest

from worker.event_loop import LoopThread


async def wait_for_ever(begun: Event) -> None:
    begun.set()
    await asyncio.Event().wait()


def test_whoever_waits_for_a_loop_that_stops_is_told() -> None:
    loop, begun = LoopThread("test"), Event()
    loop.start()
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(loop.run, wait_for_ever(begun))
        assert begun.wait(timeout=30)
        loop.stop()
        with pytest.raises(CancelledError):
            waiting.result(timeout=30)


def test_whoever_comes_to_a_loop_that_has_stopped_is_told() -> None:
    loop = LoopThread("test")
    loop.start()
    loop.stop()
    with pytest.raises(CancelledError):
        loop.run(wait_for_ever(Event()))
    loop.begin(wait_for_ever(Event()))
