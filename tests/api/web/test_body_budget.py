"""Budget of request bodies: who waits, and when the next begins."""

import asyncio

import pytest

from api.web.body_budget import BodyBudget


async def turn() -> None:
    """Let every task that can run do so."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_bodies_wait_for_room_in_their_order() -> None:
    budget = BodyBudget(100)
    await budget.reserve("alice", 60)
    large = asyncio.create_task(budget.reserve("alice", 50))
    small = asyncio.create_task(budget.reserve("alice", 10))
    await turn()
    assert not large.done()
    assert not small.done()  # it would fit, and the larger one would wait for ever
    budget.release("alice", 60)
    await turn()
    assert large.done()
    assert small.done()


async def test_callers_do_not_wait_for_each_other() -> None:
    budget = BodyBudget(100)
    await budget.reserve("alice", 100)
    await budget.reserve("bob", 100)


async def test_a_body_larger_than_the_budget_is_worked_on_alone() -> None:
    budget = BodyBudget(100)
    await budget.reserve("alice", 1000)
    other = asyncio.create_task(budget.reserve("alice", 1))
    await turn()
    assert not other.done()
    budget.release("alice", 1000)
    await other


@pytest.mark.parametrize("admitted", [False, True])
async def test_a_body_that_is_given_up_leaves_its_room_to_others(admitted: bool) -> None:
    budget = BodyBudget(100)
    await budget.reserve("alice", 60)
    given_up = asyncio.create_task(budget.reserve("alice", 100))
    following = asyncio.create_task(budget.reserve("alice", 40))
    await turn()
    if admitted:
        budget.release("alice", 60)  # its turn has come, and it is cancelled before it runs
    given_up.cancel()
    await turn()
    assert following.done()
    assert given_up.cancelled()


async def test_nothing_is_remembered_of_callers_without_bodies() -> None:
    budget = BodyBudget(100)
    await budget.reserve("alice", 60)
    budget.release("alice", 60)
    assert budget._shares == {}
