"""Lifecycles of jobs, written as a worker does but without calls: the load of the database alone."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from time import perf_counter
from typing import Any
from uuid import UUID

import psutil
import psycopg

from bench.servers import Environment
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

_SLOTS = 50  # of each worker


@dataclass(frozen=True, slots=True)
class LifecycleCost:
    """Cost of job lifecycles: jobs per second; PostgreSQL's processor time and log per job; round time."""

    rate: float
    cpu: float  #: milliseconds of PostgreSQL's processor time per job
    wal: float  #: kB per job
    round: float  #: milliseconds of a dispatch round, median


@dataclass(slots=True)
class LocalWorker:
    """A worker without Celery and without calls."""

    services: WorkerServices
    worker_id: UUID
    in_flight: InFlightJobs
    rounds: list[float] = field(default_factory=list)  #: milliseconds of each round

    async def run_jobs(self, count: int) -> None:
        """Take this many jobs from their lease to their end."""
        messages: list[tuple[Sequence[UUID], UUID]] = []

        async def publish(_task: str, job_ids: Sequence[UUID], lease: UUID) -> bool:
            messages.append((job_ids, lease))
            return True

        dispatcher, ended = Dispatcher(self.services, self.in_flight, self.worker_id, publish), 0
        while ended < count:
            begun = perf_counter()
            await dispatcher.run_round()
            self.rounds.append(1000 * (perf_counter() - begun))
            for job_ids, lease in messages:
                await self._run_chunk(job_ids, lease)
                ended += len(job_ids)
            messages.clear()
            self.in_flight.jobs.clear()

    async def _run_chunk(self, job_ids: Sequence[UUID], lease: UUID) -> None:
        database, clock = self.services.database, self.services.clock
        async with database.reading() as connection:
            rows = await leased_jobs(connection, job_ids, lease, JobStatus.LEASED)
        async with database.writing() as connection:
            changes = [start(row, worker=self.worker_id, at=clock()) for row in rows]
            await commit(connection, changes)
        async with database.writing() as connection:
            await commit(connection, [self._succeeded(row) for row in rows])

    def _succeeded(self, row: LeasedJob) -> Any:
        now = self.services.clock()
        image = StoredImage.of(new_id().hex * 2, ImageInfo("image/png", "png", 1024, 1024), 2_000_000)
        picture = image.as_asset(caller_id=row.caller_id, at=now, job_id=row.id)
        result = CallResult(Outcome.SUCCESS, billed=Billed.YES)
        record = AttemptRecord.of(row.id, row.next_number, result, finished_at=now, http_status=200)
        return succeed(running(row), [picture], at=now, record=record)


async def open_workers(environment: Environment, size: int) -> list[LocalWorker]:
    """Open workers that share one channel without limits."""
    settings = Settings(
        database_url=environment.database_url,
        storage_url=f"file:{environment.folder}/pictures",
        upstream_base_url="http://127.0.0.1:9",
        upstream_concurrency=10_000_000,
    )
    services = replace(build_services(settings), settings=settings)
    opened = [LocalWorker(services, new_id(), InFlightJobs(_SLOTS)) for _ in range(size)]
    async with services.database.writing() as connection:
        await sync_channels(connection, settings.all_channels(), services.clock())
        for one in opened:
            row = {"id": one.worker_id, "name": "bench", "version": "0", "slots": _SLOTS, "stopping_at": None}
            await write_heartbeat(connection, {**row, "started_at": services.clock()}, services.clock())
    return opened


async def run_lifecycles(
    environment: Environment, postmaster: int, count: int, *, workers: int = 4
) -> LifecycleCost:
    """Take ``count`` queued jobs to their end with several workers; return the cost."""
    opened = await open_workers(environment, workers)
    spent, logged, begun = _spent(postmaster), _logged(environment), perf_counter()
    await asyncio.gather(*(one.run_jobs(count // workers) for one in opened))
    lasted = perf_counter() - begun
    spent, logged = _spent(postmaster) - spent, _logged(environment) - logged
    await opened[0].services.close()
    rounds = [seconds for one in opened for seconds in one.rounds]
    return LifecycleCost(count / lasted, 1000 * spent / count, logged / 1000 / count, median(rounds))


def _spent(postmaster: int) -> float:
    """Return the processor seconds of a PostgreSQL server, ended processes included."""
    server = psutil.Process(postmaster)
    own = server.cpu_times()
    alive = sum(sum(process.cpu_times()[:2]) for process in server.children())
    return float(alive + own.user + own.system + own.children_user + own.children_system)


def _logged(environment: Environment) -> int:
    with psycopg.connect(environment.database_url) as connection:
        row = connection.execute("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint").fetchone()
    return int(row[0]) if row else 0
