"""A running API, the words to ask it with, and a hand that does what a worker would do."""

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
    """Asks the API with one key."""

    app: FastAPI
    client: httpx.AsyncClient
    key: str | None

    def with_key(self, key: str | None) -> "Service":
        """Ask with another key, or none."""
        return replace(self, key=key)

    @property
    def services(self) -> ApiServices:
        """What the API works with."""
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
        """Hand in a job and return it."""
        answer = await self.post("/v1/jobs", json=JOB | fields)
        assert answer.status_code == 202, answer.text
        job: dict[str, Any] = answer.json()
        return job

    async def submit_with_headers(self, headers: dict[str, str]) -> dict[str, Any]:
        """Hand in a job under a key and return it."""
        job: dict[str, Any] = (await self.post("/v1/jobs", json=JOB, headers=headers)).json()
        return job

    async def move(self, job: dict[str, Any], *path: JobStatus, **changes: Any) -> None:
        """Lead a job through states, as a worker would."""
        for leaving, entering in pairwise(path):
            async with self.services.database.writing() as connection:
                assert await apply(
                    connection, [Transition(key_of(job), leaving, entering, now(), changes=changes)]
                )

    async def finish(self, job: dict[str, Any], content: bytes) -> dict[str, Any]:
        """Give a queued job its picture; return the asset's row."""
        digest = hashlib.sha256(content).hexdigest()
        await self.services.store.put(f"{digest}.png", content, content_type="image/png")
        caller = await self.services.authenticator.find(self.key or "")
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
        await self.move(job, S.QUEUED, S.LEASED, S.RUNNING, S.STORING, S.SUCCEEDED)
        return asdict(asset)


def _attempt(job_id: UUID) -> NewAttempt:
    return NewAttempt(
        job_id=job_id, number=1, generation=1, channel="here", worker_id=new_id(), sent_at=now()
    )


def _record(job_id: UUID) -> AttemptRecord:
    result = CallResult(Outcome.SUCCESS, billed=Billed.YES)
    return AttemptRecord.of(job_id, 1, result, finished_at=now(), http_status=200)


def key_of(job: dict[str, Any]) -> UUID:
    """Return a job's key in the database."""
    return parse_id("job", job["id"])
