"""The API and a worker on one database, driven step by step: submits, calls and completion."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import Row, select, update

from models.states import JobStatus
from models.tables import jobs
from tests.api.conftest import started
from tests.api.service import ALICE, BOB, Service
from tests.support.darkroom import Darkroom, OneWorker, open_darkroom
from worker.midjourney.completer import TaskCompleter

CHAT = {"upstream_preset": "chatbp"}
"""A preset that draws one image per call."""

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
"""A PNG of one pixel, as base64."""


@dataclass(frozen=True)
class MidjourneyStack:
    """Client of one caller; the worker runs when a test says so."""

    service: Service
    darkroom: Darkroom
    worker: OneWorker
    completer: TaskCompleter

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request as clients do: with ``mj-api-secret``."""
        headers = {"mj-api-secret": ALICE} | options.pop("headers", {})
        return await self.service.client.request(method, path, headers=headers, **options)

    async def submit(self, verb: str, *, prefix: str = "", **body: Any) -> dict[str, Any]:
        """Submit and return the envelope."""
        answer = await self.call("POST", f"{prefix}/mj/submit/{verb}", json=body)
        assert answer.status_code == 200, answer.text
        envelope: dict[str, Any] = answer.json()
        return envelope

    async def number(self, verb: str = "imagine", **body: Any) -> str:
        """Submit and return the id of the accepted task."""
        envelope = await self.submit(verb, **({"prompt": "a cat"} | body if verb == "imagine" else body))
        assert envelope["code"] in (1, 22), envelope
        number: str = envelope["result"]
        return number

    async def fetch(self, number: str, **options: Any) -> dict[str, Any]:
        """Fetch a task."""
        answer = await self.call("GET", f"/mj/task/{number}/fetch", **options)
        assert answer.status_code == 200, answer.text
        task: dict[str, Any] = answer.json()
        return task

    async def dispatch(self) -> None:
        """Run one dispatch round, without calls."""
        self.darkroom.clock.at = datetime.now(UTC)
        await self.worker.dispatcher.run_round()

    async def work(self) -> None:
        """Run a dispatch round, its calls, and a round of the completer."""
        await self.dispatch()
        await self.worker.deliver()
        await self.complete()

    async def complete(self) -> None:
        """Run a round of the completer."""
        self.darkroom.clock.at = datetime.now(UTC)
        await self.completer.run_round()

    async def jobs(self) -> Sequence[Row[Any]]:
        """Return all jobs, oldest first."""
        async with self.darkroom.services.database.reading() as connection:
            return (await connection.execute(select(jobs).order_by(jobs.c.id))).all()

    async def force(self, job_id: UUID, status: JobStatus, **columns: Any) -> None:
        """Set a job's status, without the rules of transitions."""
        statement = update(jobs).where(jobs.c.id == job_id).values(status=status.value, **columns)
        async with self.darkroom.services.database.writing() as connection:
            await connection.execute(statement)

    async def done(self, verb: str = "imagine", **body: Any) -> dict[str, Any]:
        """Submit, run the task to its end, and return it."""
        number = await self.number(verb, **body)
        await self.work()
        return await self.fetch(number)


@asynccontextmanager
async def open_stack(url: str, folder: Path, **settings: Any) -> AsyncIterator[MidjourneyStack]:
    """Open provider, worker and API, and close them."""
    given = {
        "public_url": "http://darkroom.test",
        "api_keys": (ALICE, BOB),
        "midjourney_image_model": "practice-image",
        "midjourney_instant_delay": 0,
        "request_body_limit": 2**20,
        **CHAT,
        **settings,
    }
    async with open_darkroom(url, folder, practice={}, **given) as darkroom:
        worker = await darkroom.worker()
        completer = TaskCompleter(
            darkroom.services, worker.context.in_flight.halt, worker.context.group_commit.webhooks_due
        )
        async with started(darkroom.services.settings) as service:
            yield MidjourneyStack(service, darkroom, worker, completer)
