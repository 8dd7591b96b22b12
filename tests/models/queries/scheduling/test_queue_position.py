from datetime import timedelta

import pytest

from models.database import Database
from models.queries.scheduling.due_jobs import QueueSegment
from models.queries.scheduling.queue_position import (
    LAST_ID,
    QueueRange,
    count_ranges,
    count_segments,
    list_heads,
    list_shares,
)
from tests.models.queries.scheduling.test_due_jobs import NOW, A, B, filled

__all__ = ["filled"]  # a fixture of those tests

OF_A, OF_B = QueueSegment("m", A, 5), QueueSegment("m", B, 5)
LATER = NOW + timedelta(hours=1)


async def test_the_lines_of_a_segment_are_listed_up_to_the_limit(filled: Database) -> None:
    async with filled.reading() as connection:
        heads = await list_heads(connection, [OF_A, OF_B], limit=5)
    assert [(head.segment, head.campaign) for head in heads] == [
        (OF_A, ""),
        *((OF_A, f"campaign {number:02}") for number in range(4)),
        (OF_B, ""),
    ]
    assert {head.due_at for head in heads} == {NOW}


@pytest.mark.parametrize("limit", [100, 9, 5])
async def test_ranges_are_counted_each_up_to_its_limit_and_together_up_to_the_limit_of_all(
    filled: Database, limit: int
) -> None:
    ranges = [
        QueueRange(OF_A, "campaign 00", (LATER, LAST_ID), 100),
        QueueRange(OF_A, "campaign 01", (LATER, LAST_ID), 3),
        QueueRange(OF_B, "", (LATER, LAST_ID), 100),
    ]
    async with filled.reading() as connection:
        found = await count_ranges(connection, ranges, limit=limit)
    assert sum(found) == min(limit, 10)
    assert all(count <= most for count, most in zip(found, [5, 3, 2], strict=True))


async def test_a_range_ends_before_its_time(filled: Database) -> None:
    async with filled.reading() as connection:
        until = (NOW + timedelta(seconds=30), LAST_ID)
        assert await count_ranges(connection, [QueueRange(OF_B, "", until, 9)], limit=9) == [1]


async def test_only_due_jobs_of_a_segment_are_counted(filled: Database) -> None:
    async with filled.reading() as connection:
        assert await count_segments(connection, [(OF_A, 100), (OF_B, 100)], NOW, limit=200) == [61, 1]
        assert await count_segments(connection, [(OF_A, 7), (OF_B, 100)], LATER, limit=200) == [7, 2]
        assert await count_segments(connection, [], NOW, limit=10) == []


async def test_the_shares_of_callers_are_read_without_locking_them(filled: Database) -> None:
    async with filled.reading() as connection:
        assert {row.id for row in await list_shares(connection, [A, B], NOW)} == {A, B}
