"""Signals, exit codes, logs and file limits of the processes of a fleet."""

import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.conftest import PROMPTS, FleetOn, check_all_succeeded
from tests.support.fleet import COMMAND, Fleet
from tests.support.processes import Process, free_port, until
from tests.support.valkey import Valkey, serve_valkey

pytestmark = pytest.mark.slow(reason="a fleet starts, and stops")


@pytest.fixture
def broker() -> Iterator[Valkey]:
    with serve_valkey() as server:
        yield server


def is_ready(process: Process) -> bool:
    return "worker is ready" in process.log_tail(50_000)


def test_a_hangup_ends_neither_worker_nor_api(fleet_on: FleetOn, broker: Valkey) -> None:
    fleet = fleet_on(broker.url)
    fleet.client.submit(PROMPTS)
    fleet.practice.wait_in_flight(4)
    for process in (*fleet.workers, *fleet.apis):
        process.send(signal.SIGHUP)
        until(lambda p=process: "SIGHUP is ignored" in p.log_tail(), within=10, what="it is logged")  # type: ignore[misc]
    check_all_succeeded(fleet)
    assert [process.stop() for process in (*fleet.workers, *fleet.apis)] == [0, 0]


def test_a_worker_that_is_stopped_as_soon_as_it_is_ready_says_goodbye(
    fleet_on: FleetOn, broker: Valkey
) -> None:
    fleet = fleet_on(broker.url)
    [worker] = fleet.workers
    until(lambda: is_ready(worker), within=30, what="it is ready")
    assert worker.stop() == 0
    for _ in range(3):
        worker.log.write_text("")
        worker.start()
        until(lambda: is_ready(worker), within=30, what="it is ready", every=0.001)
        assert worker.stop() == 0
        assert "shutdown" not in worker.log_tail()
        assert fleet.rows("SELECT id FROM workers") == []


def test_a_second_signal_ends_the_grace(fleet_on: FleetOn, broker: Valkey) -> None:
    fleet = fleet_on(broker.url, delay=30, worker_grace="60")
    fleet.client.submit(PROMPTS[:2])
    fleet.practice.wait_in_flight(2)
    fleet.workers[0].send(signal.SIGTERM)
    until(lambda: "running calls are awaited" in fleet.workers[0].log_tail(), within=10, what="it waits")
    assert fleet.workers[0].stop(within=20) == 0
    assert fleet.rows("SELECT id FROM workers") == []


def test_every_line_is_json_while_the_broker_is_away_and_few_are_written(
    fleet_on: FleetOn, broker: Valkey
) -> None:
    fleet = fleet_on(broker.url, log_json="true")
    broker.stop()
    fleet.client.submit(PROMPTS)
    check_all_succeeded(fleet)
    for process in (*fleet.workers, *fleet.apis):
        lines = process.log_tail(1_000_000).splitlines()
        assert all(json.loads(line)["level"] for line in lines)
        assert len(lines) < 30
    broker.start()


def test_slots_are_as_many_as_the_limit_of_open_files_allows(fleet_on: FleetOn, broker: Valkey) -> None:
    fleet = fleet_on(broker.url, worker_slots="200", upstream_concurrency="200")
    [worker] = fleet.workers
    worker.kill()
    limited = in_few_files(fleet, "work")
    try:
        limited.start()
        limited.wait_ready(lambda: is_ready(limited))
        assert "the worker has 73 slots instead of 200" in limited.log_tail()
        prompts = [f"picture number {number} of many" for number in range(150)]
        fleet.client.submit(prompts)
        jobs = fleet.client.wait_settled(len(prompts), within=90)
        fleet.client.check_images(jobs)
        assert fleet.practice.call_counts() == dict.fromkeys(prompts, 1)
        assert "Too many open files" not in limited.log_tail(1_000_000)
        assert limited.stop() == 0
    finally:
        limited.end()


def test_doctor_finds_a_limit_of_open_files_that_is_too_low(fleet_on: FleetOn, broker: Valkey) -> None:
    doctor = in_few_files(fleet_on(broker.url, worker_slots="200"), "doctor", "--offline")
    doctor.start()
    until(lambda: doctor.ended is not None, within=60, what="doctor ends")
    assert "Only 256 files may be open here: a worker would have 73 slots" in doctor.log_tail(10_000)
    assert "a message went through" in doctor.log_tail(10_000)


def in_few_files(fleet: Fleet, *arguments: str) -> Process:
    """Return a command of the fleet, which may open 256 files."""
    code = "import os, resource, sys; resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256)); "
    code += "os.execv(sys.argv[1], sys.argv[1:])"
    command = [sys.executable, "-c", code, COMMAND, *arguments]
    log = fleet.workers[0].log.with_name(f"limited-{arguments[0]}.log")
    return Process(command, log, environment=fleet.variables, folder=log.parent)


def test_a_worker_that_cannot_start_says_why_and_fails(tmp_path: Path, broker: Valkey) -> None:
    environment = {"DARKROOM_BROKER_URL": f"redis+cluster://127.0.0.1:{free_port()}/0"}
    process = Process([COMMAND, "work"], tmp_path / "log", environment=environment, folder=tmp_path)
    process.start()
    until(lambda: process.ended is not None, within=30, what="it ends")
    assert process.ended == 2
    assert "Redis Cluster is not supported" in process.log_tail()
