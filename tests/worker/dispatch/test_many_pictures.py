"""Room for calls that ask for many pictures, where pictures per minute are limited."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.worker.dispatch.test_plan import AGEING, NOW, SECOND, A, B, deal, guest, jobs, outlet, row, served
from worker.dispatch.meters import Pace, gauges
from worker.dispatch.outlets import InFlight, Outlet
from worker.dispatch.plan import Round


@pytest.mark.parametrize(("waited", "ends"), [(timedelta(minutes=1), False), (timedelta(minutes=3), True)])
def test_a_call_for_many_pictures_is_not_overtaken_for_ever(waited: timedelta, ends: bool) -> None:
    """Calls for one picture come every six seconds, just as many as the limit allows."""
    many = jobs(A, 1, pictures=8, due_at=NOW)
    channel, guests = row(limits={"": {"ipm": 10}}), [guest(A), guest(B)]
    started: list[UUID] = []
    for second in range(0, int(waited.total_seconds()) + 70, 6):
        now = NOW + second * SECOND
        one = jobs(B, 1, first=second, due_at=now)
        place = Outlet(channel, InFlight({}), now)
        candidates = one if second < 60 else one + [job for job in many if job.job_id not in started]
        starts = Round(guests, [place], now, 9).deal(candidates, AGEING)
        started += [start.job.job_id for start in starts]
        channel.pace = place.changes()["pace"]
    assert (many[0].job_id in started) is ends


def test_room_is_kept_over_rounds_for_a_caller_whose_other_jobs_go_on_elsewhere() -> None:
    """Its turn moves on with each of them, so that others would be before it whenever there is room."""
    pictures, other = row(1, models=["m"], limits={"": {"ipm": 10}}), row(2, models=["x"])
    crowd = [UUID(int=number) for number in (10, 11, 12)]
    guests, many = [guest(A), *map(guest, crowd)], jobs(A, 1, pictures=8, due_at=NOW - 180 * SECOND)
    for second in range(0, 130):
        now = NOW + second * SECOND
        places = [Outlet(pictures, InFlight({}), now), Outlet(other, InFlight({}), now)]
        ones = [job for key in crowd for job in jobs(key, 9, first=second * 10, due_at=now)]
        mine = jobs(A, 1, first=1000 + second, model="x", due_at=now)
        slots = sum(place.openings(model, now + SECOND) for place, model in zip(places, "mx", strict=True))
        candidates = ones + mine + (many if second > 60 else [])
        starts = Round(guests, places, now, min(slots, 20)).deal(candidates, AGEING)
        if many[0] in [start.job for start in starts]:
            return
        pictures.pace = places[0].changes()["pace"]
    pytest.fail("it never had its room")


def test_room_that_is_kept_is_free_again_when_its_call_starts_elsewhere() -> None:
    tick = int(NOW.timestamp() * 4)
    many = jobs(A, 1, pictures=8, due_at=NOW - 180 * SECOND)
    limits, pace = {"": {"ipm": 10}}, {"ipm": [[tick - 100, 6]]}
    first = outlet(1, limits=limits, pace=pace)
    assert deal([guest(A)], [first], many) == []
    kept = outlet(1, limits=limits, pace=first.changes()["pace"])
    assert len(deal([guest(B)], [kept], jobs(B, 9))) == 2
    again = outlet(1, limits=limits, pace=first.changes()["pace"])
    deal([guest(A)], [again, outlet(2)], many)
    assert again.keeps_anew
    assert "kept" not in again.changes()["pace"]


@pytest.mark.parametrize("limit", ["of its model", "of its key"])
def test_no_room_is_kept_for_a_call_for_many_pictures_that_waits_for_another_limit(limit: str) -> None:
    """The others would go without pictures that nobody could use."""
    later, tick = (NOW + 20 * SECOND).isoformat(), int(NOW.timestamp() * 4)
    limits: dict[str, Any] = {"": {"ipm": 20}}
    pace: dict[str, Any] = {"ipm": [[tick - 200, 14], [tick - 100, 4]]}
    if limit == "of its model":
        limits, pace = {**limits, "m": {"rpm": 2}}, {**pace, "m/rpm": later}
    me = guest(A)
    if limit == "of its key":
        me.pace = Pace(gauges("", {"rpm": 2}, {"rpm": later}))
    many = jobs(A, 3, pictures=8, due_at=NOW - 180 * SECOND)
    starts = deal([me, guest(B)], [outlet(limits=limits, pace=pace)], many + jobs(B, 5, model="n"))
    assert served(starts) == {B: 2}
