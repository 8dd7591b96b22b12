"""Workers of one fleet whose clocks or settings differ harm neither each other nor any job."""

import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import FleetOf
from tests.support.fleet import COMMAND, Fleet
from tests.support.processes import Process, until
from tests.support.threaded_receiver import ThreadedReceiver, open_receiver

pytestmark = pytest.mark.slow(reason="processes start, and heartbeats must be able to run out")
ROOT = Path(__file__).parent.parent.parent
PROMPTS = [f"picture number {number} of some" for number in range(30)]


def another_worker(fleet: Fleet, folder: Path, *command: str, **settings: str) -> Process:
    """Return one more worker of the fleet, with settings or a clock of its own; an empty one is left out."""
    own = {f"DARKROOM_{name.upper()}": value for name, value in settings.items()}
    variables = {**fleet.variables, "PYTHONPATH": str(ROOT), **own}
    log = folder / "another-worker.log"
    given = {name: value for name, value in variables.items() if value}
    forks = "tests.support.skewed_clock" not in command  # it changes the clock before all else is imported
    return Process([*command, "work"], log, environment=given, folder=folder, forks=forks)


@pytest.mark.parametrize("skew", [70, -70])
def test_a_worker_whose_clock_is_wrong_reaps_no_other_and_is_reaped_by_none(
    fleet_of: FleetOf, tmp_path: Path, skew: int
) -> None:
    fleet = fleet_of(delay=14, worker_timeout="6")  # a heartbeat could be overdue within the calls
    command = [sys.executable, "-m", "tests.support.skewed_clock", str(skew)]
    skewed = another_worker(fleet, tmp_path, *command, worker_slots="40")
    try:
        skewed.start()
        skewed.wait_ready(lambda: "worker is ready" in skewed.log_tail())
        assert "this machine's clock differs from the database's" in skewed.log_tail()
        fleet.client.submit(PROMPTS)
        jobs = fleet.client.wait_settled(len(PROMPTS))
        (name,) = fleet.rows(f"SELECT id FROM workers WHERE name LIKE '%-{skewed.pid}'")
        took_part = fleet.rows(f"SELECT count(*) FROM attempts WHERE worker_id = '{name[0]}'")
    finally:
        skewed.end()
        print(skewed.log_tail())
    assert {job["status"] for job in jobs.values()} == {"succeeded"}
    assert fleet.practice.call_counts() == dict.fromkeys(PROMPTS, 1)
    assert took_part[0][0] > 0
    assert "a worker was lost" not in fleet.log_tails()


def test_a_worker_one_hour_ahead_delivers_webhooks_at_once(fleet_of: FleetOf, tmp_path: Path) -> None:
    fleet = fleet_of(delay=0.2)
    for worker in fleet.workers:
        worker.stop()
    command = [sys.executable, "-m", "tests.support.skewed_clock", "3600"]
    skewed = another_worker(fleet, tmp_path, *command)
    try:
        with open_receiver() as receiver:
            skewed.start()
            skewed.wait_ready(lambda: "worker is ready" in skewed.log_tail(20_000))
            made = fleet.client.request("POST", "/v1/webhooks", json={"url": receiver.url})
            assert made is not None
            assert made.status_code == 201, made.text
            ids = fleet.client.submit(PROMPTS[:10])
            until(lambda: _succeeded(receiver) == set(ids), within=30, what="ten webhooks are delivered")
    finally:
        skewed.end()
        print(skewed.log_tail())


def _succeeded(receiver: ThreadedReceiver) -> set[str]:
    payloads = [message.payload for message in receiver.messages]
    return {payload["data"]["id"] for payload in payloads if payload["type"] == "job.succeeded"}


def test_a_worker_without_the_channel_stops_nobody_else(fleet_of: FleetOf, tmp_path: Path) -> None:
    fleet = fleet_of(delay=0.2)
    other = another_worker(fleet, tmp_path, COMMAND, upstream_base_url="")
    try:
        other.start()
        other.wait_ready(lambda: "worker is ready" in other.log_tail())
        fleet.client.submit(PROMPTS)
        jobs = fleet.client.wait_settled(len(PROMPTS))
        assert {job["status"] for job in jobs.values()} == {"succeeded"}
        assert "channel upstream is not in the settings of" in other.log_tail()
        assert fleet.rows("SELECT name, configured FROM channels") == [("upstream", True)]
        for worker in fleet.workers:
            assert worker.stop() == 0
        until(
            lambda: fleet.rows("SELECT configured FROM channels") == [(False,)],
            within=30,
            what="no live worker knows the channel any more",
        )
    finally:
        other.end()
        print(other.log_tail())
