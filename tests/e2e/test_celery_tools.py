"""Tools beside a fleet: `celery inspect`, Flower by its HTTP API and metrics, a worker's health check."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import FleetOf
from tests.support.fleet import Fleet
from tests.support.processes import Process, free_port, until

CELERY = [sys.executable, "-m", "celery"]
PROMPTS = [f"a picture that Flower sees, number {number}" for number in range(3)]
Flower = Callable[[Fleet], httpx.Client]


@pytest.fixture
def flower(tmp_path: Path) -> Iterator[Flower]:
    """Start Flower on a fleet's broker, and return a client of it."""
    with ExitStack() as cleanup:

        def start(fleet: Fleet) -> httpx.Client:
            broker, port = fleet.variables["DARKROOM_BROKER_URL"], free_port()
            options = [f"--port={port}", "--address=127.0.0.1", "--natural_time=false"]
            process = Process(
                [*CELERY, "-b", broker, "flower", *options],
                tmp_path / "flower.log",
                environment={**os.environ, "FLOWER_UNAUTHENTICATED_API": "true"},
                folder=tmp_path,
            )
            cleanup.callback(process.end)
            cleanup.callback(lambda: print(process.log_tail()))  # shown if the test fails
            process.start()
            client = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=10)
            cleanup.callback(client.close)
            process.wait_ready(lambda: _serves(client))
            return client

        yield start


def _serves(client: httpx.Client) -> bool:
    try:
        return client.get("/healthcheck").status_code == 200
    except httpx.TransportError:
        return False


def inspect(fleet: Fleet, worker: str, command: str) -> Any:
    """Run ``celery inspect``; return the answer of a worker."""
    broker = fleet.variables["DARKROOM_BROKER_URL"]
    arguments = ["-b", broker, "inspect", f"--destination={worker}", "--timeout=20", "--json", command]
    done = subprocess.run([*CELERY, *arguments], capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)[worker]


@pytest.mark.slow(reason="a fleet of four processes, Flower, and the celery command")
def test_celery_inspect_and_flower_see_workers_queues_and_tasks(fleet_of: FleetOf, flower: Flower) -> None:
    port = free_port()
    fleet = fleet_of(delay=0.05, apis=1, workers=1, celery_events="true", metrics_port=str(port))
    tool = flower(fleet)
    fleet.client.submit(PROMPTS)
    fleet.client.wait_settled(len(PROMPTS))

    assert httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False).status_code == 200

    ((worker, found),) = tool.get("/api/workers", params={"refresh": "true"}).json().items()
    assert worker.startswith(f"darkroom-{fleet.workers[0].pid}@")
    assert "darkroom.generate" in found["registered"]
    names = [queue["name"] for queue in found["active_queues"]]
    assert sorted(name.rpartition(".")[0] for name in names) == ["darkroom", "darkroom.worker"]
    assert [queue["name"] for queue in inspect(fleet, worker, "active_queues")] == names
    assert tool.get("/api/workers", params={"status": "true"}).json() == {worker: True}

    def done() -> list[Any]:
        tasks = tool.get("/api/tasks", params={"taskname": "darkroom.generate"}).json()
        return [task for task in tasks.values() if task["state"] == "SUCCESS" and task["worker"] == worker]

    assert until(done, within=20, what="Flower has seen a chunk of jobs start and end")
    lengths = tool.get("/api/queues/length").json()["active_queues"]
    assert {"name": "darkroom.doorbell", "messages": 0} in lengths
    assert f'flower_worker_online{{worker="{worker}"}} 1.0' in tool.get("/metrics").text
    assert tool.get(f"/worker/{worker}").status_code == 200
