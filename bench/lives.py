"""Whole lives of jobs as the program writes them, without any call: what the database alone has to carry."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from time import perf_counter
from typing import Any
from uuid import UUID

import psutil
import psycopg

from bench.stage import Scene
from models.ids import new_id
from models.outcomes import Billed, CallResult, Outcome
from models.queries.attempts import AttemptRecord
from models.queries.channels import sync_channels
from models.queries.leases import LeasedJob, leased_jobs
from models.queries.workers import write_heartbeat
from models.settings import Settings
from models.states import JobStatus
from worker.asset_store import StoredImage
from worker.images.inspection import ImageInfo
from worker.in_flight import InFlightJobs
from worker.lifecycle import commit, running, start, succeed
from worker.scheduler.dispatcher import Dispatcher
from worker.services import WorkerServices, build_services

_SLOTS = 50  # jobs that one worker of this bench takes at once


@dataclass(frozen=True, slots=True)
class Lives:
    """What so many lives cost: lives per second; PostgreSQL's processor time and log for each; the rounds."""

    rate: float
    cpu: float  #: milliseconds of PostgreSQL's processes per life
    wal: float  #: kB per life
    round: float  #: milliseconds of a round, the median


@dataclass(slots=True)
class OneWorker:
    """A worker without Celery and without calls."""

    tools: WorkerServices
    worker_id: UUID
    hand: InFlightJobs
    rounds: list[float] = field(default_factory=list)  #: milliseconds of each round

    async def live(self, count: int) -> None:
        """Lead this many jobs from their lease to their end."""
        messages: list[tuple[Sequence[UUID], UUID]] = []

        async def publish(_task: str, job_ids: Sequence[UUID], lease: UUID) -> bool:
            messages.append((job_ids, lease))
            return True

        dispatcher, ended = Dispatcher(self.tools, self.hand, self.worker_id, publish), 0
        while ended < count:
            begun = perf_counter()
            await dispatcher.run_round()
            self.rounds.append(1000 * (perf_counter() - begun))
            for job_ids, lease in messages:
                await self._develop(job_ids, lease)
                ended += len(job_ids)
            messages.clear()
            self.hand.jobs.clear()

    async def _develop(self, job_ids: Sequence[UUID], lease: UUID) -> None:
        database, clock = self.tools.database, self.tools.clock
        async with database.reading() as connection:
            rows = await leased_jobs(connection, job_ids, lease, JobStatus.LEASED)
        async with database.writing() as connection:
            changes = [start(row, worker=self.worker_id, at=clock()) for row in rows]
            await commit(connection, changes)
        async with database.writing() as connection:
            await commit(connection, [self._succeeded(row) for row in rows])

    def _succeeded(self, row: LeasedJob) -> Any:
        now = self.tools.clock()
        image = StoredImage.of(new_id().hex * 2, ImageInfo("image/png", "png", 1024, 1024), 2_000_000)
        picture = image.as_asset(caller_id=row.caller_id, at=now, job_id=row.id)
        result = CallResult(Outcome.SUCCESS, billed=Billed.YES)
        record = AttemptRecord.of(row.id, row.next_number, result, finished_at=now, http_status=200)
        return succeed(running(row), [picture], at=now, record=record)


async def open_crew(scene: Scene, size: int) -> list[OneWorker]:
    """Make workers that share one channel without limits."""
    settings = Settings(
        database_url=scene.database_url,
        storage_url=f"file:{scene.folder}/pictures",
        upstream_base_url="http://127.0.0.1:9",
        upstream_concurrency=10_000_000,
    )
    services = replace(build_services(settings), settings=settings)
    crew = [OneWorker(services, new_id(), InFlightJobs(_SLOTS)) for _ in range(size)]
    async with services.database.writing() as connection:
        await sync_channels(connection, settings.all_channels(), services.clock())
        for one in crew:
            row = {"id": one.worker_id, "name": "bench", "version": "0", "slots": _SLOTS, "stopping_at": None}
            await write_heartbeat(connection, {**row, "started_at": services.clock()}, services.clock())
    return crew


async def live(scene: Scene, postmaster: int, count: int, *, workers: int = 4) -> Lives:
    """Lead so many queued jobs to their end, with some workers at once."""
    crew = await open_crew(scene, workers)
    spent, logged, begun = _spent(postmaster), _logged(scene), perf_counter()
    await asyncio.gather(*(one.live(count // workers) for one in crew))
    lasted = perf_counter() - begun
    spent, logged = _spent(postmaster) - spent, _logged(scene) - logged
    await crew[0].tools.close()
    rounds = [seconds for one in crew for seconds in one.rounds]
    return Lives(count / lasted, 1000 * spent / count, logged / 1000 / count, median(rounds))


def _spent(postmaster: int) -> float:
    """Return the processor seconds of a PostgreSQL server, also of processes that have ended."""
    server = psutil.Process(postmaster)
    own = server.cpu_times()
    alive = sum(sum(process.cpu_times()[:2]) for process in server.children())
    return float(alive + own.user + own.system + own.children_user + own.children_system)


def _logged(scene: Scene) -> int:
    with psycopg.connect(scene.database_url) as connection:
        row = connection.execute("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint").fetchone()
    return int(row[0]) if row else 0
