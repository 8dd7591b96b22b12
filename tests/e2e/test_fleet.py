"""A fleet finishes every job although processes are killed, servers restarted or the broker emptied."""

import time
from collections.abc import Mapping
from signal import SIGTERM

import pytest

from tests.e2e.conftest import FleetOf
from tests.support.api_client import Job
from tests.support.fleet import Fleet
from tests.support.postgres import serve_postgres
from tests.support.valkey import Valkey

pytestmark = pytest.mark.slow(reason="five processes start, and 200 calls take their time")
PROMPTS = [f"picture number {number} of many 猫" for number in range(200)]


def check_one_call_each(fleet: Fleet, prompts: list[str] = PROMPTS) -> None:
    assert fleet.practice.call_counts() == dict.fromkeys(prompts, 1)


def prompts_of(jobs: Mapping[str, Job], status: str) -> set[str]:
    return {job["prompt"] for job in jobs.values() if job["status"] == status}


def test_two_hundred_jobs_get_their_own_images(fleet_of: FleetOf) -> None:
    fleet = fleet_of(delay=0.2)
    ids = fleet.client.submit(PROMPTS)

    jobs = fleet.client.wait_settled(200)
    assert [jobs[job_id]["prompt"] for job_id in ids] == PROMPTS
    fleet.client.check_images(jobs)
    check_one_call_each(fleet)


def test_every_part_may_be_restarted_in_the_middle(fleet_of: FleetOf, broker: Valkey) -> None:
    with serve_postgres() as postgres:
        fleet = fleet_of(delay=0.8, server=postgres)
        fleet.client.submit(PROMPTS)
        fleet.practice.wait_finished(20)

        assert fleet.workers[0].stop(SIGTERM) == 0
        fleet.workers[0].start()
        assert fleet.apis[0].stop(SIGTERM) == 0
        fleet.apis[0].start()
        broker.stop()
        broker.start()
        fleet.await_api(0)
        postgres.stop()
        postgres.start()

        jobs = fleet.client.wait_settled(200, within=90)
        fleet.client.check_images(jobs)
        check_one_call_each(fleet)


def test_only_calls_in_flight_on_a_killed_worker_are_repeated_with_on_unknown_retry(
    fleet_of: FleetOf,
) -> None:
    fleet = fleet_of(delay=1)
    fleet.client.submit(PROMPTS, on_unknown="retry")
    fleet.practice.wait_finished(20)
    fleet.practice.wait_in_flight(30)
    killed_at = time.monotonic()
    fleet.workers[0].kill()

    jobs = fleet.client.wait_settled(200)
    fleet.client.check_images(jobs)
    repeated = {prompt for prompt, times in fleet.practice.call_counts().items() if times > 1}
    in_flight = {call.prompt for call in fleet.practice.calls() if call.in_flight(killed_at)}
    assert repeated
    assert repeated <= in_flight
    assert sum(fleet.practice.call_counts().values()) == 200 + len(repeated)


def test_calls_in_flight_on_a_killed_worker_leave_their_jobs_held_by_default(fleet_of: FleetOf) -> None:
    fleet = fleet_of(delay=1)
    fleet.client.submit(PROMPTS)
    fleet.practice.wait_finished(20)
    fleet.practice.wait_in_flight(30)
    killed_at = time.monotonic()
    fleet.workers[0].kill()

    jobs = fleet.client.wait_settled(200)
    held, made, times = prompts_of(jobs, "held"), prompts_of(jobs, "succeeded"), fleet.practice.call_counts()
    in_flight = {call.prompt for call in fleet.practice.calls() if call.in_flight(killed_at)}
    assert held & in_flight
    assert held <= in_flight | (set(PROMPTS) - times.keys())  # a call may not have been sent yet
    assert held | made == set(PROMPTS)
    assert made <= times.keys()
    assert set(times.values()) == {1}
    one = next(job for job in jobs.values() if job["status"] == "held")
    assert one["error"]["outcome"] == "ambiguous"
    assert "charged" in one["error"]["message"]
    assert "release the job or fail it" in one["error"]["message"]

    fleet.workers[0].start()
    answer = fleet.client.request("POST", f"/v1/jobs/{one['id']}/retry")
    assert answer is not None
    assert answer.status_code == 200, answer.text
    fleet.client.wait_settled(200)
    fleet.client.check_images({one["id"]: fleet.client.job(one["id"])})


def test_an_emptied_broker_loses_nothing_and_doubles_nothing(fleet_of: FleetOf, broker: Valkey) -> None:
    fleet = fleet_of(delay=0.5)
    fleet.client.submit(PROMPTS)
    for answered in (10, 80, 150):
        fleet.practice.wait_finished(answered)
        broker.flush()

    jobs = fleet.client.wait_settled(200)
    fleet.client.check_images(jobs)
    check_one_call_each(fleet)


def test_jobs_are_accepted_while_the_broker_is_down_and_run_when_it_is_back(
    fleet_of: FleetOf, broker: Valkey
) -> None:
    fleet = fleet_of(delay=0.1)
    broker.stop()

    began = time.monotonic()
    fleet.client.submit(PROMPTS[:20])
    assert time.monotonic() - began < 15
    broker.start()

    jobs = fleet.client.wait_settled(20)
    fleet.client.check_images(jobs)
    check_one_call_each(fleet, PROMPTS[:20])
