"""The databases sort names as Python does, whatever their collation: so rounds and pages leave none out."""

import random
from collections.abc import Sequence

import pytest
from sqlalchemy import insert

from models.database import Database
from models.ids import new_id
from models.queries.campaigns.settings import list_campaigns, save_campaign
from models.queries.channels import list_channels
from models.queries.scheduling.due_jobs import QueueSegment, SegmentRequest, list_segments, pick_due
from models.queries.scheduling.queue_position import list_heads
from models.queries.workers import list_workers, write_heartbeat
from models.tables import channels, jobs
from tests.models.queries.scheduling.test_due_jobs import NOW, A, filled, job
from worker.scheduler.fair_queue import round_robin

__all__ = ["filled"]  # a fixture of those tests

#: letters with their accents and cases, digits, what some collations skip, and both sides of the surrogates
_ALPHABETS = (
    "aAbB",
    "aàáÀzZ",
    "aeoøæ",
    "-_ .'",
    "09٣",
    "ßsSſ",
    "iıIİ",
    "猫貓犬",
    "\uffff\ue000😀𐀀a",
    "\x01\x7f\u200b ~a",
)
_SEGMENT = QueueSegment("m", A, 1)


def names(seed: int) -> Sequence[str]:
    """Draw sixty different names, of few letters so that many share their beginning."""
    chance, found = random.Random(seed), set[str]()
    while len(found) < 60:
        letters = chance.choice(_ALPHABETS) + chance.choice(_ALPHABETS)
        found.add("".join(chance.choices(letters, k=chance.randint(1, 5))))
    return chance.sample(sorted(found), k=60)


@pytest.fixture(params=range(3))
def drawn(request: pytest.FixtureRequest) -> Sequence[str]:
    return names(request.param)


async def test_campaigns_come_in_the_order_of_the_scheduler(filled: Database, drawn: Sequence[str]) -> None:
    async with filled.writing() as connection:
        await connection.execute(insert(jobs), [job(A, campaign=name, priority=1) for name in drawn])
        heads = await list_heads(connection, [_SEGMENT], limit=100)
        assert [head.campaign for head in heads] == sorted(drawn)
        for last in ("", *drawn):
            in_turn = [campaign for campaign, _ in round_robin([(name, 1) for name in drawn], (last, 1))]
            for count in (1, 7, 100):
                picked = await pick_due(connection, [SegmentRequest(_SEGMENT, count, last)], NOW)
                assert {each.campaign for each in picked} == set(in_turn[:count]), repr(last)


async def test_every_model_is_found_once(filled: Database, drawn: Sequence[str]) -> None:
    async with filled.writing() as connection:
        await connection.execute(insert(jobs), [job(A, model=name, priority=1) for name in drawn])
        found = [segment.model for segment in await list_segments(connection) if segment.priority == 1]
    assert sorted(found) == sorted(drawn)


async def test_pages_of_campaigns_are_in_the_order_of_their_names(
    filled: Database, drawn: Sequence[str]
) -> None:
    read: list[str] = []
    async with filled.writing() as connection:
        for name in drawn:
            await save_campaign(connection, A, name, retry=None, at=NOW)
        while page := await list_campaigns(connection, A, after=read[-1] if read else None, limit=7):
            read += [row.name for row in page]
    assert read == sorted(drawn)


async def test_channels_and_workers_are_listed_in_the_order_of_their_names(
    filled: Database, drawn: Sequence[str]
) -> None:
    async with filled.writing() as connection:
        for name in drawn:
            same = {"id": new_id(), "name": name}
            await connection.execute(
                insert(channels).values(
                    **same, configured=True, models=[], concurrency=1, blocked_models={}, updated_at=NOW
                )
            )
            worker = {**same, "version": "0", "slots": 1, "started_at": NOW, "stopping_at": None}
            await write_heartbeat(connection, worker, NOW)
        assert [row.name for row in await list_channels(connection)] == sorted(drawn)
        assert [row.name for row in await list_workers(connection)] == sorted(drawn)
