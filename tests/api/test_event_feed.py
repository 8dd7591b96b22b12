"""The event feed: one reader for all streams, which waits for numbers that are not committed yet."""

import asyncio

import pytest

from api.event_feed import EventFeed, Subscription
from models.database import Database
from models.queries.selection.event_feed import FeedFilter
from models.queries.selection.job_filter import JobFilter


class Timer:
    """A timer that a test sets."""

    at = 0.0

    def __call__(self) -> float:
        """Return its seconds."""
        return self.at


def test_what_follows_a_missing_number_waits_for_it_a_while(database: Database) -> None:
    timer = Timer()
    feed = EventFeed(database, timer=timer)
    feed.head = 10
    assert feed._without_gap([11, 12, 14, 15]) == 2
    feed.head = 12
    timer.at = 1
    assert feed._without_gap([14, 15, 17]) == 0, "13 may still come"
    timer.at = 2.5
    assert feed._without_gap([14, 15, 17]) == 2, "13 was rolled back; 16 may still come"
    feed.head = 15
    timer.at = 3.5
    assert feed._without_gap([16, 17]) == 2


async def test_a_stream_that_does_not_keep_up_reads_the_database() -> None:
    stream = Subscription(FeedFilter(None, JobFilter()), backlog=3)
    event = type("Event", (), {"surface": "rest", "campaign": None, "model": "m", "tags": []})()
    stream.add([event] * 3)
    assert (len(await stream.take()), stream.overflowed) == (3, False)
    stream.add([event] * 4)
    assert (len(await stream.take()), stream.overflowed) == (0, True)
    stream.overflowed = False
    stream.add([])
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await stream.take()
