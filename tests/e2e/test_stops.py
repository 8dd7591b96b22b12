"""Draining and resuming a channel with calls in flight."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.api_client import ApiClient
from tests.support.fleet import COMMAND, environment, serves
from tests.support.practice import Practice
from tests.support.processes import Process, free_port, until

ADMIN = "an-admins-key-for-the-end-to-end-tests"
PROMPTS = [f"picture number {number} of some" for number in range(20)]


class Darkroom:
    """One ``darkroom up`` with its client and its operator's commands."""

    def __init__(self, folder: Path, practice: Practice) -> None:
        port = free_port()
        self.practice, self.url, self._folder = practice, f"http://127.0.0.1:{port}", folder
        settings = {"upstream_concurrency": "5", "admin_keys": ADMIN}
        self._variables = environment(practice.url, folder, **settings)
        command = [COMMAND, "up", "--port", str(port), "--data", str(folder / "data")]
        self.process = Process(command, folder / "up.log", environment=self._variables, folder=folder)
        self.client = ApiClient([self.url])
        self._headers = {"Authorization": f"Bearer {ADMIN}"}

    def channel(self) -> dict[str, Any]:
        """Return the channel."""
        answer = httpx.get(f"{self.url}/v1/channels", headers=self._headers, trust_env=False)
        return dict(answer.json()["data"][0])

    def post(self, verb: str) -> None:
        """Drain or pause the channel over the API."""
        url, body = f"{self.url}/v1/channels/upstream/{verb}", {"reason": "tea"}
        assert httpx.post(url, headers=self._headers, json=body, trust_env=False).is_success

    def command(self, verb: str, *options: str) -> None:
        """Run ``darkroom channels``."""
        command = [COMMAND, "channels", verb, "upstream", *options, "--url", self.url, "--key", ADMIN]
        log = self._folder / f"channels-{verb}.log"
        process = Process(command, log, environment=self._variables, folder=self._folder)
        process.start()
        process.wait_finished()


@pytest.fixture
def darkroom(tmp_path: Path, practice_of: Callable[..., Practice]) -> Iterator[Darkroom]:
    started = Darkroom(tmp_path, practice_of(0.4))
    started.process.start()
    started.process.wait_ready(lambda: serves(started.url))
    yield started
    started.client.close()
    started.process.end()
    print(started.process.log_tail())


@pytest.mark.slow(reason="each command of the command line starts a process")
def test_a_draining_channel_finishes_its_calls_starts_none_and_continues_when_resumed(
    darkroom: Darkroom,
) -> None:
    darkroom.client.submit(PROMPTS)
    darkroom.practice.wait_in_flight(5)
    darkroom.post("drain")
    stopped_at = time.monotonic()
    until(lambda: darkroom.channel()["state"] == "drained", within=30, what="nothing is in flight any more")
    calls = darkroom.practice.calls()
    print(f"the last call came {max(call.received for call in calls) - stopped_at:.2f} s after the stop")
    assert 5 <= len(calls) < len(PROMPTS)
    assert not any(call.aborted for call in calls)
    [late] = darkroom.client.submit(["one picture more"])
    waiting = until(lambda: darkroom.client.job(late)["waiting"], within=10, what="it waits")
    assert (waiting["reason"], waiting["detail"]) == ("paused", "upstream is draining: tea")
    assert len(darkroom.practice.calls()) == len(calls)

    darkroom.command("resume")
    jobs = darkroom.client.wait_settled(len(PROMPTS) + 1)
    assert {job["status"] for job in jobs.values()} == {"succeeded"}
    assert set(darkroom.practice.call_counts().values()) == {1}
