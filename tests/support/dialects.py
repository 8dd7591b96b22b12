"""Recorded responses: the expected end of their jobs, by rule, and a Darkroom that runs them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from tests.support.api_client import ApiClient
from tests.support.fleet import COMMAND, environment, serves
from tests.support.practice import Practice
from tests.support.processes import Process, free_port, until
from worker.practice.corpus import CorpusCase, corpus
from worker.practice.images import rewrite_urls

#: Network errors that a running server can't cause: the channel's address has no listener instead.
UNREACHABLE = frozenset({"dns_error", "connect_timeout", "connect_error"})
#: Network errors while the request is being written, before the provider knows which case to replay.
_UNPLAYABLE = frozenset({"write_error"})
_SHORT, _LONG = 3.0, 40.0  # seconds of Retry-After; a test can't distinguish the values between them
_UNKNOWN = frozenset({"ambiguous", "pending"})
#: Refusals that use up no attempt unless a job wants it so, as ours do: else they would be tried for hours.
_FREE = ("rate_limited", "concurrency_limited", "daily_limit", "upstream_saturated")


def sample() -> list[CorpusCase]:
    """Return the first case of each kind, outcome, error code, network error and image delivery."""
    first: dict[Any, CorpusCase] = {}
    for case in corpus().values():
        if _playable(case):
            first.setdefault(_group(case), case)
    return list(first.values())


def _playable(case: CorpusCase) -> bool:
    wait = case.expected.get("retry_after_s", 0)
    meant = case.expected["outcome"] != "headers_only" and not _SHORT < wait < _LONG
    return meant and case.transport not in _UNPLAYABLE


def _group(case: CorpusCase) -> tuple[Any, ...]:
    expected = case.expected
    images = expected["images"]
    pictures = (
        any(image.startswith("data:") for image in images),
        min(len(images), 2),
        bool(expected.get("alternates")),
        bool(expected.get("videos")),
        bool(expected.get("partial")),
        bool(case.request.get("input_urls")),
    )
    known = bool(case.task_ids), _waits_long(case)
    return case.kind, expected["outcome"], case.code, case.transport, *known, pictures


def _waits_long(case: CorpusCase) -> bool:
    return case.expected.get("retry_after_s", 0) >= _LONG


@dataclass(frozen=True, slots=True)
class End:
    """How a job ends: its status and, over all its life, the number of paid calls that reach the provider."""

    status: str
    calls: int
    attempts: int


def end_of(case: CorpusCase) -> End:
    """Return what the rules promise for a case; jobs may make two calls, or three without a picture."""
    outcome = case.expected["outcome"]
    if outcome in _UNKNOWN:
        return End("succeeded" if recovers(case) else "held", 1, 1)
    if outcome == "retry" and _waits_long(case):
        return End("queued", 1, 1)
    if outcome in ("retry", "no_image"):
        return End("failed", 0 if case.transport in UNREACHABLE else 2, 2)
    if outcome == "needs_human" and case.kind == "response":
        return End("held", 1, 1)  # the content of a good answer never shuts a channel: only its job waits
    return End({"success": "succeeded", "needs_human": "queued"}.get(outcome, "failed"), 1, 1)


def recovers(case: CorpusCase) -> bool:
    """Return whether the result of a call can be recovered by polling the provider."""
    return case.expected["outcome"] in _UNKNOWN and bool(case.task_ids)


class DialectDarkroom:
    """One ``darkroom up`` with a channel for each case, in front of a practice provider."""

    def __init__(self, folder: Path, cases: Sequence[CorpusCase]) -> None:
        self.practice = Practice(folder, delay=0)
        self._folder, self._cases = folder, cases
        self._url = f"http://127.0.0.1:{free_port()}"
        self.client = ApiClient([self._url])
        self._up: Process | None = None

    def start(self) -> None:
        """Start both, and wait until they serve."""
        self.practice.start()
        closed_port = f"http://127.0.0.1:{free_port()}"
        config = self._folder / "darkroom.toml"
        config.write_text("\n".join(_channel(case, self.practice.url, closed_port) for case in self._cases))
        command = [
            COMMAND,
            "up",
            "--port",
            self._url.rpartition(":")[2],
            "--data",
            str(self._folder / "data"),
        ]
        variables = environment(
            self.practice.url, self._folder, upstream_models="no-case", retry_base="0.05", retry_cap="0.2"
        )
        self._up = Process(
            [*command, "--config", str(config)],
            self._folder / "up.log",
            environment=variables,
            folder=self._folder,
        )
        self._up.start()
        self._up.wait_ready(lambda: serves(self._url))

    def end(self) -> None:
        """End both."""
        self.client.close()
        if self._up is not None:
            self._up.end()
            print(self._up.log_tail())
        self.practice.process.end()

    def play(self, cases: Iterable[CorpusCase]) -> dict[str, str]:
        """Submit a job for each case; returns their ids by case."""
        chosen = list(cases)
        jobs = [self._job(case) for case in chosen]
        answer = self.client.request("POST", "/v1/jobs", json={"jobs": jobs})
        assert answer is not None, "the submit was not answered"
        assert answer.json()["rejected"] == []
        result = [job["id"] for job in answer.json()["accepted"]]
        return dict(zip((case.id for case in chosen), result, strict=True))

    def _job(self, case: CorpusCase) -> dict[str, Any]:
        images = [self.here(url) for url in case.request.get("input_urls", ())]
        members = {"images": images} if images else {}
        if n := case.request.get("n"):
            members["n"] = n
        attempts = 3 if case.expected["outcome"] == "no_image" else 2
        return {
            "model": model_of(case),
            "prompt": prompt_of_case(case),
            "max_attempts": attempts,
            "retry": {code: {"counts": True} for code in _FREE},
            **members,
        }

    def wait_settled(self, ids: Mapping[str, str], *, within: float) -> dict[str, dict[str, Any]]:
        """Wait until these jobs have settled; return them by case."""

        jobs: dict[str, dict[str, Any]] = {}

        def unsettled() -> list[dict[str, Any]]:
            jobs.update(self.client.jobs() or {})
            return [jobs.get(job_id, {}) for job_id in ids.values() if not _is_settled(jobs.get(job_id, {}))]

        try:
            until(lambda: not unsettled(), within=within, what="all jobs have settled", every=0.3)
        except AssertionError as error:
            raise AssertionError(f"{error}; these do not: {unsettled()}") from error
        return {case: self.client.job(job_id) for case, job_id in ids.items()}

    def here(self, address: str) -> str:
        """Return the local URL that stands for a public one in this test."""
        return rewrite_urls(address, self.practice.url)

    def fetch(self, address: str) -> bytes:
        """Return the practice provider's file for a public URL."""
        answer = httpx.get(self.here(address), trust_env=False, verify=False, timeout=30)
        answer.raise_for_status()
        return answer.content


def model_of(case: CorpusCase) -> str:
    """Return the model that only this case's channel serves."""
    return f"plays-{case.id.lower()}"


def prompt_of_case(case: CorpusCase) -> str:
    """Return the prompt that plays it."""
    return f"a cat #case:{case.id}"


def _channel(case: CorpusCase, provider: str, closed_port: str) -> str:
    lines = [
        "[[channels]]",
        f'name = "{model_of(case)}"',
        f'base_url = "{closed_port if case.transport in UNREACHABLE else provider}"',
        'api_key = "practice"',
        f'models = ["{model_of(case)}"]',
    ]
    if case.transport == "read_timeout":
        lines.append("idle_timeout = 1.0")
    return "\n".join(lines) + "\n"


def _is_settled(job: Mapping[str, Any]) -> bool:
    """Return whether a job is final, held, or waits for much longer than a test takes."""
    if job.get("status") != "queued":
        return job.get("status") in ("succeeded", "failed", "held")
    waiting = job["waiting"]
    if not job["attempts"] or not waiting or not waiting["next_eligible_at"]:
        return bool(waiting) and waiting["reason"] == "paused"
    until_then = datetime.fromisoformat(waiting["next_eligible_at"]) - datetime.fromisoformat(
        waiting["since"]
    )
    return until_then > timedelta(seconds=_LONG / 2)
