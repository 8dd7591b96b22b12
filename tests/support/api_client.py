"""Client of the native API that goes on while API processes restart."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from typing import Any

import httpx

from tests.support.processes import until
from worker.practice.drawing.png import prompt_of

KEY = "a-key-for-the-end-to-end-tests"
Job = dict[str, Any]


class ApiClient:
    """Sends requests to the API processes in turn."""

    def __init__(self, urls: Sequence[str], key: str = KEY) -> None:
        self._urls = cycle(urls)
        headers = {"Authorization": f"Bearer {key}"}
        self._client = httpx.Client(headers=headers, trust_env=False, verify=False, timeout=30)
        self._anonymous = httpx.Client(trust_env=False, verify=False, timeout=30)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
        self._anonymous.close()

    def request(self, method: str, path: str, **options: Any) -> httpx.Response | None:
        """Send a request to the next API process; ``None`` if it is unavailable."""
        try:
            answer = self._client.request(method, next(self._urls) + path, **options)
        except httpx.TransportError:
            return None
        return None if answer.status_code >= 500 else answer

    def submit(self, prompts: Sequence[str], **members: Any) -> list[str]:
        """Submit jobs in one request; returns their ids in the order of the prompts."""
        jobs = [{"model": "practice-image", "prompt": prompt, **members} for prompt in prompts]
        answer = self.request("POST", "/v1/jobs", json={"jobs": jobs})
        assert answer is not None, "the submit was not answered"
        assert answer.status_code == 202, answer.text
        assert answer.json()["rejected"] == []
        return [job["id"] for job in answer.json()["accepted"]]

    def job(self, job_id: str) -> Job:
        """Return one job."""
        answer = until(lambda: self.request("GET", f"/v1/jobs/{job_id}"), within=30, what="a job is shown")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def jobs(self) -> Mapping[str, Job] | None:
        """Return all jobs by id; ``None`` if they can't be listed now."""
        found: dict[str, Job] = {}
        before: dict[str, str] = {}
        while True:
            page = self.request("GET", "/v1/jobs", params={"limit": 200, **before})
            if page is None:
                return None
            found |= {job["id"]: job for job in page.json()["data"]}
            if page.json()["next"] is None:
                return found
            before = {"before": page.json()["next"]}

    def wait_settled(self, count: int, *, within: float = 60) -> Mapping[str, Job]:
        """Wait until so many jobs need nothing more but people, and return all."""
        seen: list[Mapping[str, Job]] = [{}]

        def reached() -> bool:
            seen.append(self.jobs() or seen[-1])
            return sum(job["status"] in _SETTLED for job in seen[-1].values()) >= count

        try:
            until(reached, within=within, what=f"{count} jobs are settled", every=0.4)
        except AssertionError as error:
            raise AssertionError(f"{error}; they are {_tally(seen[-1])}") from error
        return seen[-1]

    def images(self, job: Job) -> Iterator[bytes]:
        """Fetch a job's pictures by their public addresses, without a key."""
        for asset in job["assets"]:
            answer = self._anonymous.get(asset["url"])
            assert answer.status_code == 200, answer.text
            assert len(answer.content) == asset["bytes"]
            yield answer.content

    def check_images(self, jobs: Mapping[str, Job]) -> None:
        """Check that every job has one picture, and that it was made for its own prompt."""
        for job in jobs.values():
            assert job["status"] == "succeeded", job
            assert [prompt_of(picture) for picture in self.images(job)] == [job["prompt"]]


_SETTLED = ("succeeded", "failed", "held", "cancelled", "expired")


def _tally(jobs: Mapping[str, Job]) -> str:
    counts = Counter(job["status"] for job in jobs.values())
    waiting = next((job["waiting"] for job in jobs.values() if job["waiting"]), None)
    return f"{dict(counts)}, waiting: {waiting}"
