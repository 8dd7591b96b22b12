"""Outages of the database end neither an operation that matters nor a worker's loop."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from models.errors import DatabaseAway
from worker.database_retry import retry_while_database_away, run_forever, wait_for_wake_up

OUTAGE = DatabaseAway("connection refused")


def failing(*errors: BaseException) -> Callable[[], Awaitable[None]]:
    """Return a step that raises these errors in turn, and then cancels its loop."""
    left = [*errors, asyncio.CancelledError()]

    async def step() -> None:
        raise left.pop(0)

    return step


@pytest.mark.parametrize("error", [OUTAGE, ConnectionRefusedError("refused"), ValueError("a defect")])
async def test_a_loop_goes_on_after_a_failed_round_until_it_is_cancelled(error: Exception) -> None:
    pauses: list[None] = []

    async def pause() -> None:
        pauses.append(None)

    with pytest.raises(asyncio.CancelledError):
        await run_forever(failing(error, error), pause, name="test", pause_after_failure=0)
    assert len(pauses) == 2


async def test_a_loop_pauses_after_every_round() -> None:
    done: list[str] = []

    async def step() -> None:
        done.append("step")
        if len(done) > 4:
            raise asyncio.CancelledError

    async def pause() -> None:
        done.append("pause")

    with pytest.raises(asyncio.CancelledError):
        await run_forever(step, pause, name="test")
    assert done == ["step", "pause"] * 2 + ["step"]


async def test_an_operation_is_retried_while_the_database_is_away_and_returns_its_result() -> None:
    errors: list[Exception] = [OUTAGE, OUTAGE]

    async def operation() -> int:
        if errors:
            raise errors.pop()
        return 7

    assert await retry_while_database_away("no result", operation) == 7
    assert errors == []


async def test_an_error_that_is_no_outage_is_raised_at_once() -> None:
    async def operation() -> int:
        raise ValueError("a defect")

    with pytest.raises(ValueError, match="a defect"):
        await retry_while_database_away("no result", operation)


async def test_a_wake_up_ends_the_wait_and_is_cleared() -> None:
    event = asyncio.Event()
    event.set()
    async with asyncio.timeout(5):
        await wait_for_wake_up(event, 60)
    assert not event.is_set()
    await wait_for_wake_up(event, 0)
    assert not event.is_set()
