"""Submitter of the run's jobs, which also decides about held ones; repeats each request until it succeeds."""

import random
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from tests.chaos.api import FleetApi
from tests.chaos.fleet import CHANNELS
from tests.support.api_client import KEY

_BATCH = 25
_MODELS = ("practice-image", "practice-image", "practice-image", "second-image")  #: one channel serves each
_ON_UNKNOWN = ("retry", "retry", "retry_once", "hold", "hold", "fail")
_DELIVERIES = ("markdown_url", "markdown_url", "markdown_data", "images_field")


def draw_jobs(seed: int, jobs: int) -> Sequence[dict[str, Any]]:
    """Draw the jobs of a run from its seed; each prompt is unique."""
    rng = random.Random(f"jobs {seed}")
    return [
        {
            "model": rng.choice(_MODELS),
            "prompt": f"picture {number} of run {seed} 猫",
            "on_unknown": rng.choice(_ON_UNKNOWN),
            "max_attempts": 8,
            "params": {"practice": {"deliver": rng.choice(_DELIVERIES)}},
        }
        for number in range(jobs)
    ]


class JobSubmitter:
    """Submits batches over a period, in a thread."""

    def __init__(self, urls: Sequence[str], seed: int, jobs: int, *, over: float) -> None:
        self._api, self._seed = FleetApi(urls, KEY), seed
        self._jobs, self._over = draw_jobs(seed, jobs), over
        self._thread = threading.Thread(target=self._run, name="submitter", daemon=True)
        self._decisions = 0
        self.accepted: dict[str, str] = {}  #: prompt by job id
        self.failure: BaseException | None = None
        self.storm_over = threading.Event()  #: the channels' learned rates may be reset

    @property
    def done(self) -> bool:
        """Whether the thread has ended: all jobs submitted, or a failure."""
        return not self._thread.is_alive()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    @property
    def responses(self) -> Mapping[str, int]:
        """The API's responses by status."""
        return self._api.responses

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def resume_channels(self) -> None:
        """Reset the channels' learned rates after a 429 storm, as an operator would."""
        if self.storm_over.is_set():
            self.storm_over.clear()
            for channel in CHANNELS:
                response = self._api.request("POST", f"/v1/channels/{channel}/resume", json={"forget": True})
                assert response.status_code == 200, response.text

    def _run(self) -> None:
        batches = [self._jobs[start : start + _BATCH] for start in range(0, len(self._jobs), _BATCH)]
        began = time.monotonic()
        try:
            for number, batch in enumerate(batches):
                time.sleep(max(0.0, began + self._over * number / len(batches) - time.monotonic()))
                self._submit_batch(batch, f"chaos-{self._seed}-{number}")
                self.resume_channels()
        except BaseException as error:  # noqa: BLE001 - edge of the thread: the main thread raises it
            self.failure = error

    def _submit_batch(self, batch: Sequence[dict[str, Any]], key: str) -> None:
        response = self._api.request(
            "POST", "/v1/jobs", json={"jobs": batch}, headers={"Idempotency-Key": key}
        )
        assert response.status_code == 202, response.text
        ids = [job["id"] for job in response.json()["accepted"]]
        assert len(ids) == len(batch), response.text
        self.accepted |= {job_id: job["prompt"] for job_id, job in zip(ids, batch, strict=True)}

    def decide(self, held: Sequence[str], seed: int) -> Sequence[str]:
        """Release about half of the held jobs and fail the others; return the released ones.

        Each decision is drawn anew: a job that is held again after each release fails in the end.
        """
        self._decisions += 1
        rng = random.Random(f"held {seed} {self._decisions}")
        released = [job_id for job_id in held if rng.random() < 0.5]
        failed = [job_id for job_id in held if job_id not in set(released)]
        for act, ids in (("release", released), ("fail", failed)):
            if ids:
                response = self._api.request("POST", f"/v1/jobs/{act}", json={"ids": ids})
                assert response.status_code == 200, response.text
        return released
