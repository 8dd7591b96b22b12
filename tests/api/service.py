"""A running API with a client, and shortcuts that change jobs as a worker would."""

import hashlib
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any
from uuid import UUID

import httpx
from fastapi import FastAPI

from api.services import ApiServices
from models.clock import now
from models.ids import new_id, parse_id
from models.outcomes import Billed, CallResult, Outcome
from models.queries.assets import NewAsset, insert_assets
from models.queries.attempts import AttemptRecord, NewAttempt, finish_attempts, insert_attempts
from models.queries.transitions import Transition, apply
from models.states import JobStatus

ALICE, BOB, ADMIN = "alice-0123456789abcdef", "bob-0123456789abcdef00", "admin-0123456789abcdef"
JOB = {"model": "gpt-image", "prompt": "a cat"}
S = JobStatus


@dataclass(frozen=True)
class Service:
    """The API, called with one key."""

    app: FastAPI
    client: httpx.AsyncClient
    key: str | None

    def with_key(self, key: str | None) -> "Service":
        """Return the same API, called with another key or none."""
        return replace(self, key=key)

    @property
    def services(self) -> ApiServices:
        """Services of the running app."""
        services: ApiServices = self.app.state.services
        return services

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request with the key."""
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        headers |= options.pop("headers", {})
        return await self.client.request(method, path, headers=headers, **options)

    async def get(self, path: str, **options: Any) -> httpx.Response:
        """Send a GET."""
        return await self.request("GET", path, **options)

    async def post(self, path: str, **options: Any) -> httpx.Response:
        """Send a POST."""
        return await self.request("POST", path, **options)

    async def submit(self, **fields: Any) -> dict[str, Any]:
        """Submit a job and return it."""
        answer = await self.post("/v1/jobs", json=JOB | fields)
        assert answer.status_code == 202, answer.text
        job: dict[str, Any] = answer.json()
        return job

    async def submit_with_headers(self, headers: dict[str, str]) -> dict[str, Any]:
        """Submit a job with these headers and return it."""
        job: dict[str, Any] = (await self.post("/v1/jobs", json=JOB, headers=headers)).json()
        return job

    async def move(self, job: dict[str, Any], *path: JobStatus, **changes: Any) -> None:
        """Apply transitions along these states, as a worker would."""
        for leaving, entering in pairwise(path):
            async with self.services.database.writing() as connection:
                assert await apply(
                    connection, [Transition(key_of(job), leaving, entering, now(), changes=changes)]
                )

    async def hold(self, code: str = "connection_lost", **fields: Any) -> dict[str, Any]:
        """Submit a job and hold it for a decision, its only attempt used up."""
        job = await self.submit(max_attempts=1, **fields)
        await self.move(job, S.QUEUED, S.LEASED, attempts_used=1)
        await self.move(job, S.LEASED, S.RUNNING)
        error = {"code": code, "message": "The connection was lost.", "outcome": "ambiguous"}
        await self.move(job, S.RUNNING, S.HELD, error=error)
        return job

    async def read(self, job: dict[str, Any]) -> dict[str, Any]:
        """Return a job as it is now."""
        found: dict[str, Any] = (await self.get(f"/v1/jobs/{job['id']}")).json()
        return found

    async def finish(self, job: dict[str, Any], content: bytes) -> dict[str, Any]:
        """Complete a queued job with an image; return the asset's row."""
        digest = hashlib.sha256(content).hexdigest()
        await self.services.store.put(f"{digest}.png", content, content_type="image/png")
        caller = (await self.services.authenticator.check(self.key or "")).caller
        assert caller is not None
        asset = NewAsset(
            caller_id=caller.id,
            job_id=key_of(job),
            token=f"token-{digest[:20]}",
            key=f"{digest}.png",
            sha256=digest,
            content_type="image/png",
            extension="png",
            width=3,
            height=2,
            bytes=len(content),
            source_url=None,
            created_at=now(),
        )
        async with self.services.database.writing() as connection:
            await insert_assets(connection, [asset])
            await insert_attempts(connection, [_attempt(key_of(job))])
            await finish_attempts(connection, [_record(key_of(job))])
        await self.move(job, S.QUEUED, S.LEASED, S.RUNNING, S.STORING)
        await self.move(job, S.STORING, S.SUCCEEDED, finished_at=now())
        return asdict(asset)


def _attempt(job_id: UUID) -> NewAttempt:
    return NewAttempt(
        job_id=job_id, number=1, generation=1, channel="here", worker_id=new_id(), sent_at=now()
    )


def _record(job_id: UUID) -> AttemptRecord:
    result = CallResult(Outcome.SUCCESS, billed=Billed.YES)
    return AttemptRecord.of(job_id, 1, result, finished_at=now(), http_status=200)


def key_of(job: dict[str, Any]) -> UUID:
    """Return a job's primary key."""
    return parse_id("job", job["id"])
