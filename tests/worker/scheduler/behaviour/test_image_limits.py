"""Room for calls that ask for many pictures, where pictures per minute are limited."""

import json
import random
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from tests.support.sliding_windows import max_in_window, min_in_window
from tests.worker.scheduler.test_fair_queue import (
    AGEING,
    NOW,
    SECOND,
    A,
    B,
    assign_starts,
    capacity,
    jobs,
    row,
    served,
    share,
)
from worker.scheduler.channel_capacity import HORIZON, ChannelCapacity, InFlight
from worker.scheduler.fair_queue import DispatchRound
from worker.scheduler.rate_limiter import RateLimiter, named_limits


def test_a_call_for_many_pictures_is_not_overtaken_for_ever() -> None:
    """Calls for one picture come every six seconds, just as many as the limit allows."""
    many = jobs(A, 1, images=8, due_at=NOW)
    channel, callers = row(limits={"": {"ipm": 10}}), [share(A), share(B)]
    started: dict[UUID, int] = {}
    for second in range(0, 150, 6):
        now = NOW + second * SECOND
        place = ChannelCapacity(channel, InFlight({}), now)
        candidates = jobs(B, 1, first=second, due_at=now)
        if second >= 60 and many[0].job_id not in started:
            candidates += many
        starts = DispatchRound(callers, [place], now, 9).assign(candidates, AGEING)
        started |= {start.job.job_id: second for start in starts}
        channel.pace = place.changes()["pace"]
    assert started.keys() >= {jobs(B, 1, first=second)[0].job_id for second in (0, 60, 66, 72)}
    assert started[many[0].job_id] <= 60 + 15 + 62


def test_room_is_kept_over_rounds_for_a_caller_whose_other_jobs_go_on_elsewhere() -> None:
    """Its turn moves on with each of them, so that others would be before it whenever there is room."""
    pictures, other = row(1, models=["m"], limits={"": {"ipm": 10}}), row(2, models=["x"])
    snapshot = [UUID(int=number) for number in (10, 11, 12)]
    callers, many = [share(A), *map(share, snapshot)], jobs(A, 1, images=8, due_at=NOW - 180 * SECOND)
    for second in range(0, 150):
        now = NOW + second * SECOND
        places = [ChannelCapacity(pictures, InFlight({}), now), ChannelCapacity(other, InFlight({}), now)]
        ones = [job for key in snapshot for job in jobs(key, 9, first=second * 10, due_at=now)]
        mine = jobs(A, 1, first=1000 + second, model="x", due_at=now)
        slots = sum(
            place.possible_starts(model, now + SECOND) for place, model in zip(places, "mx", strict=True)
        )
        candidates = ones + mine + (many if second > 60 else [])
        starts = DispatchRound(callers, places, now, min(slots, 20)).assign(candidates, AGEING)
        if many[0] in [start.job for start in starts]:
            return
        pictures.pace = places[0].changes()["pace"]
    pytest.fail("it never had its room")


def test_room_that_is_kept_is_free_again_when_its_call_starts_elsewhere() -> None:
    many = jobs(A, 1, images=8)
    until, since = (NOW + 20 * SECOND).isoformat(), (NOW - 20 * SECOND).isoformat()
    limits, tick = {"": {"ipm": 10}}, int(NOW.timestamp() * 4)
    pace = {"ipm": [[tick - 100, 6]], "kept": [many[0].job_id.hex, "m", 8, until, A.hex, since]}
    assert assign_starts([share(B)], [capacity(limits=limits, pace=pace)], jobs(B, 9, images=3)) == []
    assert len(assign_starts([share(B)], [capacity(limits=limits, pace=pace)], jobs(B, 9, images=2))) == 1
    channel = capacity(limits=limits, pace=pace)
    assign_starts([share(A)], [channel, capacity(2)], many)
    assert channel.reservation_changed
    assert "kept" not in channel.changes()["pace"]


@pytest.mark.parametrize("limit", ["of its model", "of its key"])
def test_no_room_is_kept_for_a_call_for_many_pictures_that_waits_for_another_limit(limit: str) -> None:
    """The others would go without pictures that nobody could use."""
    later, tick = (NOW + 20 * SECOND).isoformat(), int(NOW.timestamp() * 4)
    limits: dict[str, Any] = {"": {"ipm": 20}}
    pace: dict[str, Any] = {"ipm": [[tick - 200, 14], [tick - 100, 4]]}
    if limit == "of its model":
        limits, pace = {**limits, "m": {"rpm": 2}}, {**pace, "m/rpm": later}
    me = share(A)
    if limit == "of its key":
        me.limiter = RateLimiter(named_limits("", {"rpm": 2}, {"rpm": later}))
    many = jobs(A, 3, images=8, due_at=NOW - 180 * SECOND)
    starts = assign_starts([me, share(B)], [capacity(limits=limits, pace=pace)], many + jobs(B, 5, model="n"))
    assert served(starts) == {B: 2}


@pytest.mark.parametrize(
    ("limit", "mix", "least"),
    [
        *((60, (1, 2, 3, 4), 0.97), (60, (4,), 0.97), (300, (1, 8), 0.97)),
        (60, (1, 7), 0.93),  # eight of seven pictures fit into sixty
    ],
)
def test_nearly_all_pictures_of_a_limit_are_used_and_evenly_whatever_calls_ask_for(
    limit: int, mix: tuple[int, ...], least: float
) -> None:
    """As the dispatcher does it: rounds at odd moments, which look at few of those that wait."""
    chance, seconds = random.Random(limit), 900
    channel, me, started, now = row(limits={"": {"ipm": limit}}), share(A), [], NOW
    waiting = [replace(job, images=chance.choice(mix)) for job in jobs(A, limit * seconds // 60)]
    while now < NOW + seconds * SECOND:
        place = ChannelCapacity(channel, InFlight({}), now)
        slots = place.possible_starts("m", now + HORIZON)
        looked_at = waiting[: slots + place.backfill("m")] if slots else []
        starts = DispatchRound([me], [place], now, slots).assign(looked_at, AGEING)
        gone = {start.job.job_id for start in starts}
        waiting = [job for job in waiting if job.job_id not in gone]
        started += [((start.at - NOW) / SECOND, start.job.images) for start in starts]
        channel.pace = json.loads(json.dumps(place.changes()["pace"]))
        now += chance.uniform(0.7, 0.95) * SECOND
    each_picture_at = [at for at, pictures in started for _ in range(pictures)]
    assert max_in_window(each_picture_at, 60) <= limit
    assert sum(at >= 60 for at in each_picture_at) / (limit * (seconds - 60) / 60) >= least
    assert min_in_window(each_picture_at, 60, first=60, last=seconds) >= (least - 0.15) * limit
