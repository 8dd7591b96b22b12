"""Queue position: the place in which the scheduler would start the job."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from models.database import Database
from models.queries.scheduling.due_jobs import Candidate, list_segments
from models.tables import callers, jobs
from tests.worker.scheduler.test_fair_queue import capacity
from worker.scheduler.fair_queue import CallerShare, DispatchRound
from worker.scheduler.queue_position import (
    DueJob,
    QueuePosition,
    QueueSnapshot,
    positions_of,
    starts_within,
    turns_until,
)
from worker.scheduler.rate_limiter import RateLimiter

NOW = datetime(2026, 1, 1, tzinfo=UTC)
AGEING = timedelta(minutes=10)
WEIGHTS = (0.25, 0.5, 1.0, 1.5, 3.0)


class World:
    """Some callers with jobs in several models, campaigns and priorities, some of them old or not due yet."""

    def __init__(self, seed: int) -> None:
        chance = random.Random(seed)
        self.shares = [
            CallerShare(
                UUID(int=chance.getrandbits(128)),
                RateLimiter([]),
                weight=chance.choice(WEIGHTS),
                deficit=chance.choice((0.0, 0.25, 0.75, 1.0, 2.5)),
                turn=chance.randrange(4),
                line=(chance.choice(("", "a", "b")), chance.choice((4, 5))),
            )
            for _ in range(chance.randrange(1, 5))
        ]
        self.candidates = [
            Candidate(
                UUID(int=chance.getrandbits(128)),
                chance.choice(self.shares).id,
                chance.choice(("m", "n")),
                chance.choice((3, 5, 5)),
                chance.choice(("", "a", "b")),
                NOW - timedelta(minutes=chance.choice((-5, 0, 1, 1, 2, 15, 25))),
            )
            for _ in range(chance.randrange(1, 40))
        ]

    @property
    def due(self) -> list[Candidate]:
        return [each for each in self.candidates if each.due_at <= NOW]

    async def settle(self, database: Database) -> None:
        async with database.writing() as connection:
            for number, caller_share in enumerate(self.shares):
                await connection.execute(insert(callers).values(**_caller(caller_share, number)))
            await connection.execute(insert(jobs), [_job(each) for each in self.candidates])


def _caller(caller_share: CallerShare, number: int) -> dict[str, Any]:
    return {
        **{
            "id": caller_share.id,
            "name": "c",
            "key_hash": bytes([number]) * 32,
            "key_hint": "",
            "admin": False,
        },
        **{
            "created_at": NOW,
            "weight": caller_share.weight,
            "deficit": caller_share.deficit,
            "turn": caller_share.turn,
        },
        **{"campaign_turn": caller_share.line[0], "priority_turn": caller_share.line[1]},
    }


def _job(each: Candidate) -> dict[str, Any]:
    return {
        **{"id": each.job_id, "caller_id": each.caller_id, "surface": "rest", "status": "queued"},
        **{"revision": 1, "generation": 1, "model": each.model, "prompt": "a cat", "request": {}},
        **{"campaign": each.campaign or None, "tags": [], "metadata": {}, "priority": each.priority},
        **{"max_attempts": 3, "on_unknown": "hold", "not_before": each.due_at, "backing_off": False},
        **{"progress": 0, "attempts_used": 0, "store_tries": 0, "created_at": NOW, "updated_at": NOW},
    }


def assigned(world: World) -> list[UUID]:
    """Return the jobs in the order in which the scheduler would start them, if it could start all at once."""
    shares = [
        CallerShare(g.id, RateLimiter([]), weight=g.weight, deficit=g.deficit, turn=g.turn, line=g.line)
        for g in world.shares
    ]
    starts = DispatchRound(shares, [capacity()], NOW, 10_000).assign(world.due, AGEING)
    return [start.job.job_id for start in starts]


async def places(
    database: Database, world: World, wanted: Sequence[Candidate], **bound: int
) -> list[QueuePosition]:
    async with database.reading() as connection:
        snapshot = QueueSnapshot(await list_segments(connection), world.shares, NOW, AGEING)
        due = [DueJob(each.job_id, each.caller_id, each.line, each.due_at) for each in wanted]
        return await positions_of(connection, [(job, snapshot) for job in due], **bound)


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 186])
async def test_every_jobs_place_is_that_of_its_start(database: Database, seed: int) -> None:
    world = World(seed)
    await world.settle(database)
    order = assigned(world)
    assert len(order) == len(world.due)
    found = await places(database, world, world.due)
    assert {each.job_id: s.overall for each, s in zip(world.due, found, strict=True)} == {
        job_id: place for place, job_id in enumerate(order, 1)
    }
    assert not any(position.capped for position in found)


async def test_a_position_beyond_the_limit_is_capped(database: Database) -> None:
    world = World(3)
    await world.settle(database)
    order = assigned(world)
    for each, found in zip(world.due, await places(database, world, world.due, limit=5), strict=True):
        place = order.index(each.job_id) + 1
        assert (found.overall, found.capped) == (place, False) or (
            found.capped and 1 <= found.overall <= min(place, 5)
        )


@given(
    deficit=st.sampled_from([0.0, 0.5, 1.0, 2.75]),
    weight=st.sampled_from([0.125, 0.5, 1.0, 2.5, 7.0]),
    starts=st.integers(1, 60),
)
def test_turns_are_counted_as_they_are_served(deficit: float, weight: float, starts: int) -> None:
    caller_share = CallerShare(UUID(int=1), RateLimiter([]), weight=weight, deficit=deficit)
    visits = turns_until(caller_share, starts)
    assert starts_within(caller_share, visits) >= starts > starts_within(caller_share, visits - 1)
