from collections import Counter
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import insert

from models.database import Database
from models.queries.scheduling.due_jobs import QueueSegment, list_segments
from models.tables import callers, jobs
from tests.models.queries.scheduling.test_due_jobs import job as job_row
from tests.worker.scheduler.test_fair_queue import NOW, A, B, capacity, share
from worker.scheduler.candidates import StartBudget, fetch_candidates, start_budget_of

DUE = job_row(A)["not_before"]


def budget(**by_model: int) -> StartBudget:
    return StartBudget(Counter(by_model), sum(by_model.values()), Counter())


@pytest.fixture
async def queued(database: Database) -> Database:
    """Two callers with twenty due jobs each, and one of a higher priority that is due later."""
    people = [
        {"id": key, "name": "c", "key_hash": key.bytes * 2, "key_hint": "", "admin": False, "created_at": DUE}
        for key in (A, B)
    ]
    rows = [job_row(key) for key in (A, B) for _ in range(20)] + [job_row(A, priority=9, later=600)]
    async with database.writing() as connection:
        await connection.execute(insert(callers), people)
        await connection.execute(insert(jobs), rows)
    return database


async def fetched(database: Database, *keys: UUID, slots: int, **by_model: int) -> Counter[UUID]:
    shares = [share(key) for key in keys]
    async with database.writing() as connection:
        segments: list[QueueSegment] = await list_segments(connection)
        found = await fetch_candidates(connection, segments, shares, slots, budget(**by_model), DUE)
    assert len({each.job_id for each in found}) == len(found)
    return Counter(each.caller_id for each in found)


async def test_each_caller_gives_its_share_of_the_slots_and_one_more(queued: Database) -> None:
    assert await fetched(queued, A, B, slots=10, m=99) == {A: 6, B: 6}


async def test_no_more_candidates_are_fetched_than_can_start(queued: Database) -> None:
    assert await fetched(queued, A, B, slots=10, m=2) == {A: 2, B: 2}


async def test_callers_that_are_locked_by_another_round_give_no_candidates(queued: Database) -> None:
    assert await fetched(queued, B, slots=4, m=99) == {B: 4}
    assert await fetched(queued, slots=4, m=99) == {}


def test_the_budget_counts_possible_starts_by_model_and_in_total() -> None:
    channels: list[Any] = [
        capacity(1, {"m": 1}, models=["m"], concurrency=3),
        capacity(2, models=["m", "n"], concurrency=4),
        capacity(3, models=["other"], concurrency=9),
    ]
    found = start_budget_of(channels, {"m", "n"}, NOW)
    assert found.by_model == {"m": 2 + 4, "n": 4}
    assert found.total == 2 + 4  # models share the concurrency of their channel
    assert not +found.backfill


def test_where_images_are_limited_more_candidates_are_fetched_for_backfill() -> None:
    found = start_budget_of([capacity(1, limits={"": {"ipm": 60}})], {"m"}, NOW)
    assert found.backfill["m"] > 0
