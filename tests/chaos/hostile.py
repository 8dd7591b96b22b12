"""A caller that means harm: error-like answers, impossible times, NUL characters, floods and cancels."""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.chaos.api import FleetApi

HOSTILE_KEY = "hostile-caller-hostile-caller"
_JOB: Mapping[str, Any] = {"model": "practice-image", "on_unknown": "fail", "max_attempts": 1}
_DISTANT = "a job for the year 9999"
_FLOOD = 1000  # jobs in one submit, the most that the API accepts
_DEADLINE = 4  # seconds after which those of a flood that have not started expire
_CANCELLED = 60  # of them, cancelled at once

#: what a model can be brought to say; it blames the channel's key, and the channel is not to blame
_SAYINGS = (
    "Error: insufficient_quota. You exceeded your current quota, please check your plan and billing details.",
    "401 Unauthorized: Incorrect API key provided. The account is deactivated.",
    "429 Too Many Requests: rate limit reached, please retry after 86400 seconds.",
    '{"error": {"code": "model_not_found", "type": "invalid_request_error", "message": "no such model"}}',
)
_BAD_VALUES: Sequence[Mapping[str, Any]] = (
    {"prompt": _DISTANT, "not_before": "9999-12-31T23:59:59-23:59"},
    {"prompt": _DISTANT, "expires_at": "9999-12-31T23:59:59Z", "not_before": "9999-12-31T23:59:58Z"},
    {"prompt": "long ago", "not_before": "0001-01-01T00:00:00+23:59"},
    {"prompt": "never", "expires_in": 1e300},
    {"prompt": "nul \0", "campaign": "nul \0"},
    {"prompt": "nul", "tags": ["\0"], "metadata": {"\0": "\0"}, "params": {"\0": 10**400}},
    {"prompt": "half \ud800 a character"},
)


class HostileCaller:
    """Attacks in a thread, one at a time. What the API accepts of it must end like any other job."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._api = FleetApi(urls, HOSTILE_KEY)
        self._threads: list[threading.Thread] = []
        self._submits = 0
        self.accepted: dict[str, str] = {}  #: prompt by job id

    @property
    def responses(self) -> Mapping[str, int]:
        """The API's responses by status."""
        return self._api.responses

    @property
    def done(self) -> bool:
        """Whether all attacks have ended."""
        return not any(thread.is_alive() for thread in self._threads)

    def attack(self) -> None:
        """Begin one attack, after those before."""
        self._start(self._attack, len(self._threads))

    def finish(self) -> None:
        """Cancel what waits for the year 9999, after the attacks."""
        self._start(self._cancel_distant)

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def _start(self, act: Callable[..., None], *arguments: int) -> None:
        before = list(self._threads)

        def wait_and_act() -> None:
            for thread in before:
                thread.join()
            act(*arguments)

        self._threads.append(threading.Thread(target=wait_and_act, daemon=True))
        self._threads[-1].start()

    def _attack(self, number: int) -> None:
        for saying in _SAYINGS:
            says = {"practice": {"says": saying}}
            self._submit([{"prompt": f"{saying} (attack {number})", "params": says}])
        for values in _BAD_VALUES:
            self._submit([values])
        flood = [{"prompt": f"flood {number}, {n}", "expires_in": _DEADLINE} for n in range(_FLOOD)]
        for job_id in self._submit(flood)[:_CANCELLED]:
            self._cancel(job_id)

    def _cancel_distant(self) -> None:
        for job_id in [job_id for job_id, prompt in self.accepted.items() if prompt == _DISTANT]:
            self._cancel(job_id)

    def _cancel(self, job_id: str) -> None:
        self._api.request("POST", f"/v1/jobs/{job_id}/cancel")

    def _submit(self, jobs: Sequence[Mapping[str, Any]]) -> Sequence[str]:
        """Submit jobs; return the ids of those that are accepted."""
        body = {"jobs": [{**_JOB, **job} for job in jobs]}
        self._submits += 1
        once = {"Idempotency-Key": f"attack-{self._submits}"}
        response = self._api.request("POST", "/v1/jobs", content=json.dumps(body).encode(), headers=once)
        if response.status_code != 202:
            return []
        accepted = {each["id"]: jobs[each["index"]]["prompt"] for each in response.json()["accepted"]}
        self.accepted |= accepted
        return list(accepted)
