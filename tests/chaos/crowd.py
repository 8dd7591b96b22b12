"""Who hands in the jobs, and decides about held ones: keeps trying until it is heard."""

import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from itertools import cycle
from typing import Any

import httpx

from tests.support.api_client import KEY

_BATCH = 25
_ON_UNKNOWN = ("retry", "retry", "retry_once", "hold", "hold", "fail")
_DELIVERIES = ("markdown_url", "markdown_url", "markdown_data", "images_field")


def wishes(seed: int, jobs: int) -> Sequence[dict[str, Any]]:
    """Draw the jobs of a run; no two have the same prompt."""
    dice = random.Random(f"jobs {seed}")
    return [
        {
            "model": "practice-image",
            "prompt": f"picture {number} of run {seed} 猫",
            "on_unknown": dice.choice(_ON_UNKNOWN),
            "max_attempts": 8,
            "params": {"practice": {"deliver": dice.choice(_DELIVERIES)}},
        }
        for number in range(jobs)
    ]


class Crowd:
    """Hands in batches over a time, on a thread of its own. What the API answers meanwhile is counted."""

    def __init__(self, urls: Sequence[str], seed: int, jobs: int, *, over: float) -> None:
        self._urls, self._seed = cycle(urls), seed
        self._wishes, self._over = wishes(seed, jobs), over
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {KEY}"}, trust_env=False, verify=False, timeout=20
        )
        self._thread = threading.Thread(target=self._submit, name="crowd", daemon=True)
        self.accepted: dict[str, str] = {}  #: prompt by job id
        self.answers: Counter[str] = Counter()  #: by status; "503 without Retry-After" is one, too
        self.failure: BaseException | None = None
        self.storm_over = threading.Event()  #: the channel may find out anew what its provider allows

    @property
    def done(self) -> bool:
        """Whether all jobs are handed in, or that failed."""
        return not self._thread.is_alive()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Ask one API after the other until one answers; servers' errors are counted."""
        while True:
            try:
                answer = self._client.request(method, next(self._urls) + path, **options)
            except httpx.TransportError:
                self.answers["no answer"] += 1
                time.sleep(0.2)
                continue
            self._count(answer)
            if answer.status_code < 500:
                return answer
            time.sleep(0.3)

    def open_channel(self) -> None:
        """Let the channel forget a storm that is over, as an operator would: jobs must go on."""
        if self.storm_over.is_set():
            self.storm_over.clear()
            answer = self.ask("POST", "/v1/channels/practice/resume", json={"forget": True})
            assert answer.status_code == 200, answer.text

    def _count(self, answer: httpx.Response) -> None:
        promised = answer.status_code != 503 or "retry-after" in answer.headers
        self.answers[f"{answer.status_code}{'' if promised else ' without Retry-After'}"] += 1

    def _submit(self) -> None:
        batches = [self._wishes[start : start + _BATCH] for start in range(0, len(self._wishes), _BATCH)]
        began = time.monotonic()
        try:
            for number, batch in enumerate(batches):
                time.sleep(max(0.0, began + self._over * number / len(batches) - time.monotonic()))
                self._hand_in(batch, f"chaos-{self._seed}-{number}")
                self.open_channel()
        except BaseException as error:  # noqa: BLE001 - a thread's edge: whoever waits for us raises it
            self.failure = error

    def _hand_in(self, batch: Sequence[dict[str, Any]], key: str) -> None:
        answer = self.ask("POST", "/v1/jobs", json={"jobs": batch}, headers={"Idempotency-Key": key})
        assert answer.status_code == 202, answer.text
        result = [job["id"] for job in answer.json()["accepted"]]
        assert len(result) == len(batch), answer.text
        self.accepted |= {job_id: job["prompt"] for job_id, job in zip(result, batch, strict=True)}

    def decide(self, held: Sequence[str], seed: int) -> Sequence[str]:
        """Release about half of the held jobs, and fail the others; returns which were released."""
        dice = random.Random(f"held {seed} {len(held)}")
        released = [job_id for job_id in held if dice.random() < 0.5]
        given_up = [job_id for job_id in held if job_id not in set(released)]
        for act, ids in (("release", released), ("fail", given_up)):
            if ids:
                answer = self.ask("POST", f"/v1/jobs/{act}", json={"ids": ids})
                assert answer.status_code == 200, answer.text
        return released
