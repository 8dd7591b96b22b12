from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import insert, update

from models.clock import now
from models.database import Database
from models.ids import new_id
from models.queries.scheduling.due_jobs import QueueSegment, SegmentRequest, list_due, list_segments, pick_due
from models.tables import callers, jobs

NOW = now()
A, B = UUID(int=1), UUID(int=2)


@pytest.fixture
async def filled(database: Database) -> Database:
    """Two callers; the first has twelve campaigns of five jobs each."""
    async with database.writing() as connection:
        people = [
            {
                "id": key,
                "name": "c",
                "key_hash": key.bytes * 2,
                "key_hint": "",
                "admin": False,
                "created_at": NOW,
            }
            for key in (A, B)
        ]
        await connection.execute(insert(callers), people)
        rows = [job(A, campaign=f"campaign {n % 12:02}") for n in range(60)]
        rows += [job(A, campaign=None), job(A, priority=9), job(B), job(B, later=60), job(B, model="other")]
        await connection.execute(insert(jobs), rows)
    return database


def job(
    caller: UUID, *, model: str = "m", campaign: str | None = None, priority: int = 5, later: int = 0
) -> dict:  # type: ignore[type-arg]
    return {
        **{"id": new_id(), "caller_id": caller, "surface": "rest", "status": "queued", "revision": 1},
        **{"generation": 1, "model": model, "prompt": "a cat", "tags": [], "metadata": {}, "max_attempts": 3},
        **{"request": {"n": 4}, "priority": priority, "campaign": campaign, "on_unknown": "hold"},
        **{"not_before": NOW + timedelta(seconds=later), "backing_off": False, "progress": 0},
        **{"attempts_used": 0, "store_tries": 0, "created_at": NOW, "updated_at": NOW},
    }


async def test_every_lane_is_listed_once(filled: Database) -> None:
    async with filled.reading() as connection:
        segments = await list_segments(connection)
    assert sorted(segments, key=repr) == sorted(
        [
            QueueSegment("m", A, 5),
            QueueSegment("m", A, 9),
            QueueSegment("m", B, 5),
            QueueSegment("other", B, 5),
        ],
        key=repr,
    )


@pytest.mark.parametrize("count", [1, 3, 5])
async def test_campaigns_are_served_in_turn_whatever_is_wanted_at_once(filled: Database, count: int) -> None:
    served, last = Counter[str](), ""
    for _ in range(13):
        async with filled.writing() as connection:
            picked = await pick_due(connection, [SegmentRequest(QueueSegment("m", A, 5), count, last)], NOW)
        names = sorted({each.campaign for each in picked})
        behind = [name for name in names if name > last] + [name for name in names if name <= last]
        last = behind[0]
        served[last] += 1
    assert set(served.values()) == {1}


@pytest.mark.parametrize(
    ("last", "again", "found"),
    [
        ("campaign 10", False, ["", "campaign 00", "campaign 01", "campaign 11"]),
        ("campaign 10", True, ["", "campaign 00", "campaign 10", "campaign 11"]),
        ("campaign 06, which is over", True, ["campaign 07", "campaign 08", "campaign 09", "campaign 10"]),
        ("", False, ["campaign 00", "campaign 01", "campaign 02", "campaign 03"]),
        ("", True, ["", "campaign 00", "campaign 01", "campaign 02"]),
    ],
)
async def test_campaigns_behind_the_last_one_come_first_and_then_those_at_the_beginning(
    filled: Database, last: str, again: bool, found: list[str]
) -> None:
    async with filled.writing() as connection:
        picked = await pick_due(connection, [SegmentRequest(QueueSegment("m", A, 5), 4, last, again)], NOW)
    assert sorted(each.campaign for each in picked) == found


@pytest.mark.parametrize("again", [True, False])
async def test_the_last_campaign_is_found_once_if_all_are_wanted(filled: Database, again: bool) -> None:
    async with filled.writing() as connection:
        picked = await pick_due(
            connection, [SegmentRequest(QueueSegment("m", A, 5), 13, "campaign 04", again)], NOW
        )
    assert sorted(each.campaign for each in picked) == ["", *(f"campaign {n:02}" for n in range(12))]


async def test_campaigns_whose_jobs_are_not_due_are_passed_over(filled: Database) -> None:
    async with filled.writing() as connection:
        later = {"not_before": NOW + timedelta(hours=1)}
        not_due = jobs.c.campaign.in_([f"campaign {n:02}" for n in range(10)])
        await connection.execute(update(jobs).where(not_due).values(later))
        picked = await pick_due(connection, [SegmentRequest(QueueSegment("m", A, 5), 3, "campaign 10")], NOW)
    assert sorted(each.campaign for each in picked) == ["", "campaign 10", "campaign 11"]


async def test_lanes_in_which_a_job_is_due_are_told_from_those_that_wait(filled: Database) -> None:
    waiting, due = QueueSegment("other", A, 5), [QueueSegment("m", A, 5), QueueSegment("m", B, 5)]
    async with filled.writing() as connection:
        await connection.execute(insert(jobs), [job(A, model="other", later=60)])
        assert await list_due(connection, [due[0], waiting, due[1]], NOW) == due


async def test_as_many_jobs_are_found_as_are_wanted_if_there_are_so_many(filled: Database) -> None:
    async with filled.writing() as connection:
        picked = await pick_due(connection, [SegmentRequest(QueueSegment("m", A, 5), 30, "campaign 07")], NOW)
    assert len({each.job_id for each in picked}) == len(picked) >= 30
    assert {each.images for each in picked} == {4}


async def test_jobs_that_are_not_due_are_left(filled: Database) -> None:
    async with filled.writing() as connection:
        picked = await pick_due(connection, [SegmentRequest(QueueSegment("m", B, 5), 5)], NOW)
    assert len(picked) == 1
    assert picked[0].campaign == ""
