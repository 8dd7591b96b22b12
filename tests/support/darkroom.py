"""Workers without Celery: dispatcher and tasks on one event loop, with a clock that the test moves."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, select

from models.channels import ChannelSettings
from models.ids import new_id
from models.queries.channels import sync_channels
from models.queries.workers import write_heartbeat
from models.settings import Settings
from models.tables import assets, attempts, callers, channels, events, jobs
from worker.archive.writer import Archiver
from worker.broker.celery_app import GENERATE
from worker.group_commit import GroupCommit
from worker.in_flight import InFlightJobs
from worker.practice.server import PracticeServer, start_practice
from worker.scheduler.dispatcher import Dispatcher
from worker.services import WorkerServices, build_services, images_per_call
from worker.tasks.context import TaskContext
from worker.tasks.generate import generate_chunk
from worker.tasks.resume import resume_chunk


@dataclass
class Clock:
    """A clock that moves only when the test forwards it."""

    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **span: float) -> None:
        self.at += timedelta(**span)

    async def sleep(self, seconds: float) -> None:
        """Forward the clock, and let other tasks run."""
        self.forward(seconds=seconds)
        await asyncio.sleep(0)


@dataclass
class OneWorker:
    """Task context and dispatcher of one worker. Messages wait until the test delivers them."""

    context: TaskContext
    dispatcher: Dispatcher
    messages: list[tuple[str, list[UUID], UUID]]

    async def deliver(self) -> None:
        """Deliver the messages that were sent so far."""
        sent, self.messages[:] = list(self.messages), []
        for task, job_ids, lease in sent:
            await (generate_chunk if task == GENERATE else resume_chunk)(self.context, job_ids, lease)
        await self.context.archiver.drain()

    async def deliver_only(self, job_id: UUID) -> None:
        """Deliver the message of one job; the others are lost."""
        self.messages[:] = [message for message in self.messages if job_id in message[1]]
        await self.deliver()

    async def run_round(self) -> None:
        """Run one dispatch round, and the tasks that it publishes."""
        await self.dispatcher.run_round()
        await self.deliver()


@dataclass(repr=False)  # hypothesis prints it in a failure: it has all calls of the provider
class Darkroom:
    """A database, a practice provider, and as many workers as the test wants."""

    services: WorkerServices
    provider: PracticeServer
    clock: Clock
    workers: list[OneWorker] = field(default_factory=list)

    async def worker(self, slots: int = 10) -> OneWorker:
        worker_id = new_id()
        group_commit = GroupCommit(self.services.database)
        archiver = Archiver(self.services, group_commit)
        context = TaskContext(self.services, InFlightJobs(slots), group_commit, archiver, worker_id)
        context.group_commit.start()
        messages: list[tuple[str, list[UUID], UUID]] = []

        async def send_chunk(task: str, job_ids: Sequence[UUID], lease: UUID) -> None:
            messages.append((task, list(job_ids), lease))

        made = OneWorker(
            context, Dispatcher(self.services, context.in_flight, worker_id, send_chunk), messages
        )
        self.workers.append(made)
        row = {
            "id": worker_id,
            "name": "w",
            "version": "0",
            "slots": slots,
            "started_at": self.clock(),
            "stopping_at": None,
        }
        async with self.services.database.writing() as connection:
            await write_heartbeat(connection, row, self.clock())
        return made

    async def caller(self) -> UUID:
        key = new_id()
        row = {"id": key, "name": "c", "key_hash": key.bytes * 2, "key_hint": "", "admin": False}
        async with self.services.database.writing() as connection:
            await connection.execute(insert(callers).values(**row, created_at=self.clock()))
        return key

    async def submit(self, caller: UUID, prompt: str = "a cat", **values: Any) -> UUID:
        at, key = self.clock(), new_id()
        row: dict[str, Any] = {
            "id": key,
            "caller_id": caller,
            "surface": "rest",
            "status": "queued",
            "revision": 1,
            "generation": 1,
            "model": "practice-image",
            "prompt": prompt,
            "request": {"images": [], "params": {"practice": values.pop("practice", {})}},
            "tags": [],
            "metadata": {},
            "priority": 5,
            "max_attempts": 3,
            "on_unknown": "hold",
            "not_before": at,
            "backing_off": False,
            "progress": 0,
            "attempts_used": 0,
            "store_tries": 0,
            "created_at": at,
            "updated_at": at,
            **values,
        }
        async with self.services.database.writing() as connection:
            await connection.execute(insert(jobs).values(**row))
            await connection.execute(
                insert(events).values(job_id=key, revision=1, status="queued", progress=0, at=at)
            )
        return key

    async def job(self, job_id: UUID) -> Row[Any]:
        return (await self._rows(select(jobs).where(jobs.c.id == job_id)))[0]

    async def attempts(self, job_id: UUID) -> Sequence[Row[Any]]:
        return await self._rows(
            select(attempts).where(attempts.c.job_id == job_id).order_by(attempts.c.number)
        )

    async def assets(self, job_id: UUID) -> Sequence[Row[Any]]:
        return await self._rows(select(assets).where(assets.c.job_id == job_id).order_by(assets.c.position))

    async def events(self, job_id: UUID) -> Sequence[Row[Any]]:
        return await self._rows(select(events).where(events.c.job_id == job_id).order_by(events.c.revision))

    async def statuses(self, job_id: UUID) -> list[str]:
        """Return the states of the job's events, whose revisions must have no gap."""
        rows = await self._rows(select(events).where(events.c.job_id == job_id).order_by(events.c.revision))
        assert [row.revision for row in rows] == list(range(1, len(rows) + 1))
        return [row.status for row in rows]

    async def channel(self) -> Row[Any]:
        return (await self._rows(select(channels)))[0]

    async def _rows(self, statement: Any) -> Sequence[Row[Any]]:
        async with self.services.database.reading() as connection:
            return (await connection.execute(statement)).all()


def _upstream(url: str) -> dict[str, Any]:
    return {"upstream_base_url": url, "upstream_api_key": "practice-key-practice"}


def _only(channels: Sequence[Mapping[str, Any]], url: str) -> dict[str, Any]:
    return {"channels": tuple(ChannelSettings(**{**channel, "base_url": url}) for channel in channels)}


@asynccontextmanager
async def open_darkroom(
    url: str,
    folder: Path,
    *,
    practice: dict[str, Any],
    channel: Mapping[str, Any] | None = None,
    channels: Sequence[Mapping[str, Any]] = (),
    **settings: Any,
) -> AsyncIterator[Darkroom]:
    """Open database, provider and services; close them at the end.

    ``channel``, ``channels``: settings of the provider's channels, instead of those of ``upstream_…``.
    """
    channels = channels if channel is None else [channel]
    provider = await start_practice(picture="tiny", **practice)
    given = Settings(
        database_url=url,
        storage_url=(folder / "pictures").as_uri(),
        allow_private=("127.0.0.0/8",),
        dispatch_interval=0.001,
        **(_only(channels, provider.url) if channels else _upstream(provider.url)) | settings,
    )
    clock = Clock()
    services = replace(build_services(given), clock=clock, sleep=clock.sleep)
    async with services.database.writing() as connection:
        counts = images_per_call(services.routes)
        await sync_channels(connection, given.all_channels(), clock(), images_per_call=counts)
    darkroom = Darkroom(services, provider, clock)
    try:
        yield darkroom
    finally:
        for worker in darkroom.workers:
            await worker.context.group_commit.stop()
        await services.close()
        for client in darkroom.services.clients:
            await client.aclose()
        await provider.stop()
