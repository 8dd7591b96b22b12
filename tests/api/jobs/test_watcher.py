"""Waiting for changes of jobs."""

import asyncio
from typing import Any

from sqlalchemy import event

from api.jobs.watcher import is_settled, newer_than
from models.ids import new_id
from tests.api.service import S, Service, key_of


async def test_a_waiter_gets_the_first_change_that_meets_its_condition(service: Service) -> None:
    job = await service.submit()
    watcher = service.services.watcher
    newer = asyncio.create_task(watcher.wait_for(key_of(job), newer_than(1), timeout=30))
    settled = asyncio.create_task(watcher.wait_for(key_of(job), is_settled, timeout=30))
    await service.move(job, S.QUEUED, S.LEASED)
    assert await newer == (2, "leased")
    assert not settled.done()
    await service.move(job, S.LEASED, S.RUNNING, S.HELD)
    assert await settled == (4, "held")


async def test_a_wait_ends_at_its_timeout_also_for_an_unknown_job(service: Service) -> None:
    assert await service.services.watcher.wait_for(new_id(), is_settled, timeout=0.01) is None


async def test_released_waiters_get_nothing_and_later_ones_do_not_wait(service: Service) -> None:
    job = await service.submit()
    watcher = service.services.watcher
    waiting = asyncio.create_task(watcher.wait_for(key_of(job), is_settled, timeout=30))
    await asyncio.sleep(0)
    watcher.release_waiters()
    assert await asyncio.wait_for(waiting, 10) is None
    assert await asyncio.wait_for(watcher.wait_for(key_of(job), is_settled, timeout=30), 10) is None


async def test_all_jobs_with_waiters_are_read_by_one_query(service: Service) -> None:
    jobs = [await service.submit() for _ in range(3)]
    for job in jobs:
        await service.move(job, S.QUEUED, S.CANCELLED)
    statements: list[str] = []

    def on_execute(_: Any, __: Any, statement: str, *___: Any) -> None:
        if statement.startswith("SELECT jobs.id, jobs.revision, jobs.status"):
            statements.append(statement)

    event.listen(service.services.database.engine.sync_engine, "before_cursor_execute", on_execute)
    watcher = service.services.watcher
    found = await asyncio.gather(*(watcher.wait_for(key_of(job), is_settled, timeout=30) for job in jobs))
    assert found == [(2, "cancelled")] * 3
    assert len(statements) == 1


def test_a_job_is_settled_where_only_its_caller_can_move_it_on() -> None:
    settled = {status for status in S if is_settled((1, status.value))}
    assert settled == {S.SUCCEEDED, S.FAILED, S.CANCELLED, S.EXPIRED, S.HELD, S.AWAITING_INPUT}
