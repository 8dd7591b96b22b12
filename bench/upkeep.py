"""Upkeep beside the work: what a scrape costs at a million jobs, and leases while retention deletes."""

import asyncio
import tempfile
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from time import perf_counter

import psycopg

from bench.campaign import submit
from bench.figures import Figure
from bench.load import Responses, run
from bench.rows import grow, lease_chunk
from bench.servers import Environment, Servers
from models.clock import now
from models.database import Database
from models.ids import new_id
from models.queries.operations.installation_state import read_state
from models.queries.workers import write_heartbeat
from models.settings import Settings
from tests.support.databases import sqlalchemy_url
from worker.metrics.state_metrics import SlowState, render_state
from worker.retention.pruner import RetentionPruner
from worker.services import build_services

JOBS, DELETABLE, TIMES, LEASES = 1_000_000, 200_000, 20, 100
_PERIOD = 10_000.0  # milliseconds between two reads of the state
_SHARE = 0.05  # of the time, that the reads may take
_SLOWER = 1.1  # leases beside deletions, in relation to leases alone


def measure(servers: Servers) -> Sequence[Figure]:
    """Measure both, each on a database of its own."""
    return [*_scrape(servers), *_pruning(servers)]


def _scrape(servers: Servers) -> Sequence[Figure]:
    with servers.environment() as environment:
        submit(environment, 1000)
        grow(environment, JOBS - 1000)
        _vacuum(environment)
        reading, rendering = run(_state_times(sqlalchemy_url(environment.database_url)))
    name = "state for metrics and alerts at 1,000,000 jobs, 100,000 queued"
    return (
        Figure(
            f"{name}: one read, p50", reading, "ms", _PERIOD, "10 s", goal=_SHARE, of_limit=True, at_most=True
        ),
        Figure("  one scrape of it, p50", rendering, "ms"),
    )


async def _state_times(url: str) -> tuple[float, float]:
    """Return the median milliseconds of a read, and of the text that is made of it."""
    database, reads, texts = Database(url), Responses(), Responses()
    for _ in range(TIMES):
        begun = perf_counter()
        async with database.reading() as connection:
            state = await read_state(connection, now())
        reads.seconds.append(perf_counter() - begun)
        begun = perf_counter()
        render_state(state, SlowState(), timeout=timedelta(seconds=60))
        texts.seconds.append(perf_counter() - begun)
    await database.close()
    return reads.quantile(0.5), texts.quantile(0.5)


def _pruning(servers: Servers) -> Sequence[Figure]:
    with servers.environment() as environment:
        submit(environment, 1000)
        grow(environment, DELETABLE)
        with psycopg.connect(environment.database_url, autocommit=True) as connection:
            connection.execute(
                "UPDATE jobs SET finished_at = now() - interval '90 days',"
                " created_at = now() - interval '91 days'"
                " WHERE status = 'succeeded'"
            )
        _vacuum(environment)
        alone, beside, deleted = run(_lease_times(environment))
    return (
        Figure(
            f"lease of 50 jobs while retention deletes ({deleted:,.0f} jobs/s), p50",
            beside,
            "ms",
            alone,
            "without",
            goal=_SLOWER,
            of_limit=True,
            at_most=True,
        ),
    )


async def _lease_times(environment: Environment) -> tuple[float, float, float]:
    """Return the median milliseconds of a lease alone and beside deletions, and jobs deleted per second."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            database_url=environment.database_url,
            storage_url=Path(folder).as_uri(),
            retention_jobs=30 * 86_400,
            upstream_base_url="http://127.0.0.1:1",
        )
        services, worker_id, at = build_services(settings), new_id(), now()
        row = {
            "id": worker_id,
            "name": "bench",
            "version": "0",
            "slots": 1,
            "started_at": at,
            "stopping_at": None,
        }
        async with services.database.writing() as connection:
            await write_heartbeat(connection, row, at)
        alone = await _leases(services.database)
        walk = asyncio.create_task(RetentionPruner(services, worker_id).walk())
        await asyncio.sleep(0.5)
        before, begun = await _count(services.database), perf_counter()
        beside = await _leases(services.database)
        rate = (before - await _count(services.database)) / (perf_counter() - begun)
        assert not walk.done(), "retention ended before the leases did"
        walk.cancel()
        await asyncio.gather(walk, return_exceptions=True)
        await services.close()
    return alone, beside, rate


async def _leases(database: Database) -> float:
    """Lease chunks with pauses, as dispatchers do; return the median milliseconds."""
    durations = Responses()
    for _ in range(LEASES):
        begun = perf_counter()
        async with database.writing() as connection:
            await lease_chunk(connection, 0)
        durations.seconds.append(perf_counter() - begun)
        await asyncio.sleep(0.05)
    durations.seconds = durations.seconds[LEASES // 5 :]
    return durations.quantile(0.5)


async def _count(database: Database) -> int:
    """Count the ended jobs."""
    async with database.reading() as connection:
        result = await connection.exec_driver_sql("SELECT count(*) FROM jobs WHERE status = 'succeeded'")
        return int(result.scalar_one())


def _vacuum(environment: Environment) -> None:
    with psycopg.connect(environment.database_url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE jobs")
        connection.execute("CHECKPOINT")
