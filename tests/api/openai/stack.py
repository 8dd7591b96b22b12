"""A served API, a worker and the practice provider on one event loop, for real HTTP clients."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import httpx
import uvicorn
from fastapi import FastAPI
from openai import AsyncOpenAI, OpenAI
from sqlalchemy import Row, select

from api.server import listen
from api.web.http_protocol import HttpLimits, LimitedHttpProtocol, OpenConnections
from models.tables import jobs
from tests.api.conftest import started
from tests.api.service import ADMIN, ALICE, BOB, Service
from tests.support.darkroom import Darkroom, OneWorker, open_darkroom
from worker.broker.celery_app import GENERATE
from worker.practice.call_log import LoggedCall
from worker.tasks.generate import generate_chunk
from worker.tasks.resume import resume_chunk

_T = TypeVar("_T")
MODEL, TEXT_MODEL = "practice-image", "practice-text"
PATIENT = 20
"""Retries of a client that gives up early: enough for a busy machine, which answers late."""


@dataclass(frozen=True)
class OpenAiStack:
    """An address for clients, and what is behind it. The worker works by itself."""

    service: Service
    darkroom: Darkroom
    url: str  #: with ``/v1``
    clients: list[AsyncOpenAI] = field(default_factory=list)  #: closed at the end

    def client(self, key: str = ALICE, **options: Any) -> AsyncOpenAI:
        """Return the official client."""
        self.clients.append(AsyncOpenAI(base_url=self.url, api_key=key, **options))
        return self.clients[-1]

    async def blocking(self, call: Callable[[OpenAI], _T], key: str = ALICE, **options: Any) -> _T:
        """Call with the official blocking client, in a thread."""

        def run() -> _T:
            with OpenAI(base_url=self.url, api_key=key, **options) as client:
                return call(client)

        return await asyncio.to_thread(run)

    async def post(self, path: str, *, key: str | None = ALICE, **options: Any) -> httpx.Response:
        """Send a POST as a program without the SDK does."""
        return await self.request("POST", path, key=key, **options)

    async def request(
        self, method: str, path: str, *, key: str | None = ALICE, **options: Any
    ) -> httpx.Response:
        """Send a request as a program without the SDK does."""
        headers = ({"Authorization": f"Bearer {key}"} if key else {}) | options.pop("headers", {})
        timeout = options.pop("timeout", 30)
        async with httpx.AsyncClient(base_url=self.url, timeout=timeout, trust_env=False) as client:
            return await client.request(method, path, headers=headers, **options)

    @property
    def calls(self) -> list[LoggedCall]:
        """What the provider was called for, and would have charged."""
        return self.darkroom.provider.call_log.calls

    async def until(self, count: int, status: str) -> None:
        """Wait until so many jobs have a status."""
        async with asyncio.timeout(20):
            while sum(job.status == status for job in await self.jobs()) < count:  # noqa: ASYNC110 - SQL
                await asyncio.sleep(0.02)

    async def jobs(self) -> Sequence[Row[Any]]:
        """Return all jobs, oldest first."""
        async with self.darkroom.services.database.reading() as connection:
            return (await connection.execute(select(jobs).order_by(jobs.c.id))).all()


@asynccontextmanager
async def open_stack(url: str, folder: Path, **settings: Any) -> AsyncIterator[OpenAiStack]:
    """Open provider, worker and API, and close them."""
    practice = settings.pop("practice", {})
    listener = listen("127.0.0.1", 0)
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    given = {
        "public_url": address,
        "api_keys": (ALICE, BOB),
        "admin_keys": (ADMIN,),
        "retry_base": 0.01,
        "retry_cap": 0.05,
        "openai_wait": 0.4,
        **({} if "channel" in settings else {"upstream_models": f"{MODEL},{TEXT_MODEL}"}),
        **settings,
    }
    async with (
        open_darkroom(url, folder, practice=practice, **given) as darkroom,
        started(darkroom.services.settings) as service,
        _working(darkroom),
        _served(service.app, listener),
    ):
        stack = OpenAiStack(service, darkroom, f"{address}/v1")
        yield stack
        for client in stack.clients:
            await client.close()


@asynccontextmanager
async def _served(app: FastAPI, listener: Any) -> AsyncIterator[None]:
    """Serve the app, whose services are open already, by the protocol of ``darkroom serve``."""
    limits = HttpLimits(connections=200, connections_per_address=200)
    protocol: Any = partial(LimitedHttpProtocol, opened=OpenConnections(limits))
    config = uvicorn.Config(app, http=protocol, log_config=None, lifespan="off", access_log=False)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve(sockets=[listener]))
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.005)
    yield
    app.state.services.watcher.release_waiters()
    server.should_exit = True
    await serving
    listener.close()


@asynccontextmanager
async def _working(darkroom: Darkroom) -> AsyncIterator[None]:
    """Run a worker until the end of the context; its calls run side by side."""
    worker = await darkroom.worker()
    task = asyncio.create_task(_work(darkroom, worker))
    yield
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def _work(darkroom: Darkroom, worker: OneWorker) -> None:
    async with asyncio.TaskGroup() as tasks:
        while True:
            darkroom.clock.at = datetime.now(UTC)
            await worker.dispatcher.run_round()
            sent, worker.messages[:] = list(worker.messages), []
            for task, job_ids, lease in sent:
                run = generate_chunk if task == GENERATE else resume_chunk
                tasks.create_task(run(worker.context, job_ids, lease))
            await asyncio.sleep(0.01)
