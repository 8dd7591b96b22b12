"""Jobs in flight in one worker, its free slots, and the channels closed for it."""

import asyncio
from datetime import timedelta

from models.ids import new_id
from models.queue_status import WaitCause, WaitReason
from tests.worker.leased import NOW
from worker.in_flight import ClosedChannels, InFlightJobs


def test_a_worker_that_stops_has_no_free_slots() -> None:
    in_flight = InFlightJobs(2, {new_id(): None})
    assert in_flight.free == 1
    in_flight.halt.set()
    assert in_flight.free == 0


def test_more_jobs_than_slots_leave_no_free_slot() -> None:
    assert InFlightJobs(1, {new_id(): None for _ in range(3)}).free == 0


async def test_the_end_of_an_older_task_does_not_drop_a_newer_one_of_the_same_job() -> None:
    async def run() -> None:
        """Stand for a task of a job."""

    older, newer, job_id = asyncio.create_task(run()), asyncio.create_task(run()), new_id()
    in_flight = InFlightJobs(1, {job_id: newer})
    in_flight.drop(job_id, older)
    in_flight.drop(job_id)
    assert in_flight.jobs == {job_id: newer}
    in_flight.drop(job_id, newer)
    assert (in_flight.jobs, in_flight.freed.is_set()) == ({}, True)
    await asyncio.gather(older, newer)


def test_a_channel_is_closed_while_it_cools_down_or_for_a_stopped_model() -> None:
    stop = WaitCause(WaitReason.PAUSED, "paused")
    closed = ClosedChannels(
        {("one", "a"): stop, ("two", ""): stop}, {("one", ""): NOW + timedelta(seconds=1)}
    )
    assert closed.reason("one", "b", NOW) == WaitCause(
        WaitReason.COOLDOWN, "the channel is cooling down", NOW + timedelta(seconds=1)
    )
    later = NOW + timedelta(seconds=1)
    assert [closed.reason(*key, later) for key in (("one", "a"), ("one", "b"), ("two", "b"))] == [
        stop,
        None,
        stop,
    ]


def test_the_cool_down_of_one_model_leaves_the_others_open() -> None:
    closed = ClosedChannels(cooling={("one", "a"): NOW + timedelta(seconds=1)})
    assert closed.reason("one", "a", NOW) is not None
    assert closed.reason("one", "b", NOW) is None


def test_a_cool_down_that_was_noted_after_the_rows_were_read_outlives_the_round() -> None:
    until, second = NOW + timedelta(minutes=1), timedelta(seconds=1)
    earlier = ClosedChannels()
    earlier.cool("one", "a", until, NOW)
    earlier.cool("one", "b", until, NOW - second)
    now = ClosedChannels().with_notes_since(earlier, NOW)
    assert now.cooling == {("one", "a"): until}
    assert ClosedChannels().with_notes_since(now, NOW + second).cooling == {}
