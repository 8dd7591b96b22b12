"""Synchronous client of the native API, for scripts and the command line."""

import re
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from time import monotonic, sleep
from typing import Any, NotRequired, TypedDict
from urllib.parse import urlsplit

import httpx

from api.client_errors import Refused, Unreachable

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_LONGEST_WAIT = 30.0  #: seconds of one long poll
_FIRST_NOTICE, _NEXT_NOTICE = 3.0, 15.0  # the same, while it is told that a job still waits
_TIMEOUT = 30.0  #: seconds without a byte, in addition to a requested wait
_SETTLED = frozenset({"succeeded", "failed", "cancelled", "expired", "held", "awaiting_input"})


class Job(TypedDict):
    """A job document of the API; the members that clients use."""

    id: str
    status: str
    revision: int
    model: str
    prompt: str
    progress: int
    created_at: str
    started_at: str | None
    finished_at: str | None
    attempts: list[dict[str, Any]]
    waiting: dict[str, Any] | None
    queue_position: NotRequired[int | None]
    queue_position_capped: NotRequired[bool]
    eta: NotRequired[dict[str, Any] | None]
    campaign: NotRequired[str | None]
    expires_at: NotRequired[str | None]
    error: dict[str, Any] | None
    text: str | None
    assets: list[dict[str, Any]]
    metadata: dict[str, Any]
    links: NotRequired[dict[str, str]]
    caller: NotRequired[dict[str, str]]


class Batch(TypedDict):
    """Result of a bulk submit."""

    accepted: list[Job]
    rejected: list[dict[str, Any]]


class Decided(TypedDict):
    """Result of a decision about many held jobs."""

    changed: int
    unchanged: int
    refused: list[dict[str, str]]
    more: bool


class DarkroomClient:
    """Calls one Darkroom server with one key. Use it in a ``with`` statement."""

    def __init__(self, url: str, key: str | None, *, transport: httpx.BaseTransport | None = None) -> None:
        self.url = url.rstrip("/")
        self._http = httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx.Timeout(_TIMEOUT, connect=5),
            trust_env=urlsplit(url).hostname not in _LOOPBACK,  # a proxy can't reach this machine
            transport=transport,
        )

    def __enter__(self) -> "DarkroomClient":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def submit(self, job: Mapping[str, Any], *, idempotency_key: str | None = None) -> Job:
        """Submit one job."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        document: Job = self.request("POST", "/v1/jobs", json=dict(job), headers=headers)
        return document

    def submit_many(self, jobs: list[dict[str, Any]]) -> Batch:
        """Submit up to 1,000 jobs."""
        document: Batch = self.request("POST", "/v1/jobs", json={"jobs": jobs})
        return document

    def job(self, job_id: str, *, wait: float = 0, after_revision: int | None = None) -> Job:
        """Return a job; with ``wait`` (seconds), once it is newer than ``after_revision`` or time is up."""
        parameters: dict[str, Any] = {}
        if wait:
            parameters["wait"] = max(1, round(wait))
        if after_revision is not None:
            parameters["after_revision"] = after_revision
        document: Job = self.request(
            "GET", f"/v1/jobs/{segment(job_id)}", params=parameters, timeout=_TIMEOUT + wait
        )
        return document

    def follow(
        self, job_id: str, *, timeout: float, waits: Callable[[Job], None] | None = None
    ) -> Iterator[Job]:
        """Yield a job at once and after each change, until it is settled.

        ``waits`` is called with a job that is still queued, after some seconds and now and then.
        Raises ``TimeoutError`` when that takes more than ``timeout`` seconds.
        """
        end, pause = monotonic() + timeout, _FIRST_NOTICE
        job = self.job(job_id)
        yield job
        while job["status"] not in _SETTLED:
            left = end - monotonic()
            if left <= 0:
                raise TimeoutError
            seen = job["revision"]
            longest = pause if waits and job["status"] == "queued" else _LONGEST_WAIT
            job = self.job(job_id, wait=min(left, longest), after_revision=seen)
            if job["revision"] != seen:
                yield job
            elif waits and job["status"] == "queued":
                waits(job)
                pause = _NEXT_NOTICE

    def jobs(self, *, limit: int, **filters: str | None) -> Iterator[Job]:
        """Yield up to ``limit`` jobs, newest first, page by page."""
        before = filters.pop("before", None)
        chosen = {name: value for name, value in filters.items() if value is not None}
        while limit > 0:
            place = {"before": before} if before else {}
            page = self.request("GET", "/v1/jobs", params={**chosen, **place, "limit": min(limit, 100)})
            yield from page["data"]
            limit -= len(page["data"])
            before = page.get("next")
            if not before or not page["data"]:
                return

    def eta(self, *, campaign: str | None = None, model: str | None = None) -> dict[str, Any]:
        """Return what is left of a campaign, or of all jobs, with the ETA."""
        chosen = {name: value for name, value in (("campaign", campaign), ("model", model)) if value}
        document: dict[str, Any] = self.request("GET", "/v1/jobs/eta", params=chosen)
        return document

    def cancel(self, job_id: str) -> Job:
        """Cancel a job that is not finished."""
        document: Job = self.request("POST", f"/v1/jobs/{segment(job_id)}/cancel")
        return document

    def retry(self, job_id: str) -> Job:
        """Start a finished or held job again."""
        document: Job = self.request("POST", f"/v1/jobs/{segment(job_id)}/retry")
        return document

    def decide(self, verb: str, body: Mapping[str, Any]) -> Decided:
        """``release`` or ``fail`` held jobs: by ``ids`` (1,000 at most) or by ``filter``."""
        document: Decided = self.request("POST", f"/v1/jobs/{verb}", json=dict(body), timeout=4 * _TIMEOUT)
        return document

    def reread(self, job_id: str) -> dict[str, Any]:
        """Parse a job's archived responses again."""
        path = f"/v1/jobs/{segment(job_id)}/reread"
        document: dict[str, Any] = self.request("POST", path, timeout=4 * _TIMEOUT)
        return document

    def ready(self) -> bool:
        """Return whether the server accepts requests; ``False`` if it can't be reached."""
        try:
            return self._http.get("/readyz").is_success
        except httpx.HTTPError:
            return False

    def download(self, url: str, target: Path) -> None:
        """Download an image to a file. Assets need no key, so none is sent to other hosts."""
        headers = {} if url.startswith(f"{self.url}/") else {"Authorization": ""}
        try:
            with self._http.stream("GET", url, headers=headers) as response:
                if not response.is_success:
                    raise Refused(response.status_code, f"The image {url} can't be fetched.")
                with target.open("wb") as file:
                    for chunk in response.iter_bytes():
                        file.write(chunk)
        except httpx.HTTPError as error:
            raise Unreachable(f"The image {url} can't be fetched: {_reason(error)}.") from error

    def request(self, method: str, path: str, **options: Any) -> Any:
        """Send a request and return the JSON of its response; raises ``Refused`` and ``Unreachable``."""
        try:
            response = self._http.request(method, path, **options)
        except httpx.TimeoutException as error:
            raise Unreachable(f"{self.url} did not answer in time.") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unreachable(f"{self.url} can't be reached: {_reason(error)}.") from error
        if not response.is_success:
            raise Refused(response.status_code, _problem(response))
        if response.status_code == HTTPStatus.NO_CONTENT:
            return None
        try:
            return response.json()
        except ValueError as error:
            raise Unreachable(f"{self.url} does not answer like Darkroom; check DARKROOM_URL.") from error


def segment(text: str, kind: str = "job") -> str:
    """Return an id as a path segment; raises ``Refused`` if it has other characters than an id."""
    if not text or not all(character.isalnum() or character in "_-" for character in text):
        raise Refused(HTTPStatus.NOT_FOUND, f"There is no {kind} {text[:64]!r}.")
    return text


def _problem(response: httpx.Response) -> str:
    """Return the detail of a problem document."""
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        return f"The server answered {response.status_code} {response.reason_phrase}."
    return str(body.get("detail") or body.get("title") or f"The server answered {response.status_code}.")


def _reason(error: Exception) -> str:
    words = re.sub(r"^\[Errno -?\d+\] ", "", str(error).strip())
    return words.rstrip(".") or type(error).__name__


_ROOT = "/v1/webhooks"
_PAUSE = 0.2  # seconds between polls of a delivery


class WebhookClient:
    """Webhook methods of the client."""

    def __init__(self, client: DarkroomClient) -> None:
        self._client = client

    def create(self, webhook: dict[str, Any]) -> dict[str, Any]:
        """Create a webhook; the response has its secret."""
        return self._request("POST", _ROOT, json=webhook)

    def list(self) -> list[dict[str, Any]]:
        """Return all webhooks."""
        found: list[dict[str, Any]] = self._request("GET", _ROOT)["data"]
        return found

    def show(self, webhook_id: str) -> dict[str, Any]:
        """Return one webhook."""
        return self._request("GET", _one(webhook_id))

    def change(self, webhook_id: str, **changes: Any) -> dict[str, Any]:
        """Change a webhook."""
        return self._request("PATCH", _one(webhook_id), json=changes)

    def delete(self, webhook_id: str) -> None:
        """Delete a webhook."""
        self._client.request("DELETE", _one(webhook_id))

    def rotate(self, webhook_id: str, *, overlap: int | None) -> dict[str, Any]:
        """Rotate the secret; the old one signs too for ``overlap`` seconds."""
        return self._request(
            "POST", f"{_one(webhook_id)}/rotate", json={} if overlap is None else {"overlap": overlap}
        )

    def test(self, webhook_id: str, *, timeout: float) -> dict[str, Any]:
        """Send a test; return its delivery once it has ended, or as it is after ``timeout`` seconds."""
        delivery = self._request("POST", f"{_one(webhook_id)}/test")
        end = monotonic() + timeout
        while delivery["status"] == "pending" and monotonic() < end:
            sleep(_PAUSE)
            delivery = self._request("GET", f"{_ROOT}/deliveries/{segment(delivery['id'], 'delivery')}")
        return delivery

    def deliveries(self, webhook_id: str, *, limit: int, status: str | None) -> Iterator[dict[str, Any]]:
        """Yield up to ``limit`` deliveries, newest first, page by page."""
        chosen: dict[str, Any] = {"status": status} if status else {}
        before: dict[str, Any] = {}
        while limit > 0:
            query = {**chosen, **before, "limit": min(limit, 100)}
            page = self._request("GET", f"{_one(webhook_id)}/deliveries", params=query)
            yield from page["data"]
            limit -= len(page["data"])
            if not page.get("next") or not page["data"]:
                return
            before = {"before": page["next"]}

    def replay(self, delivery_id: str) -> dict[str, Any]:
        """Send a delivery again."""
        return self._request("POST", f"{_ROOT}/deliveries/{segment(delivery_id, 'delivery')}/replay")

    def _request(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        document: dict[str, Any] = self._client.request(method, path, **options)
        return document


def _one(webhook_id: str) -> str:
    return f"{_ROOT}/{segment(webhook_id, 'webhook')}"
