"""Get, list and lease at a thousand and at a million rows: the time should be the same."""

from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import Any

import psycopg
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bench.campaign import submit
from bench.figures import Figure
from bench.load import Responses, run
from bench.servers import Environment, Servers
from models.clock import now
from models.database import Database
from models.ids import new_id
from models.queries.jobs import find_job, list_jobs
from models.queries.scheduling.due_jobs import SegmentRequest, list_segments, pick_due
from models.queries.selection.job_filter import JobFilter
from models.tables import jobs
from tests.support.databases import sqlalchemy_url
from worker.lifecycle import commit, lease

FEW, MANY, TIMES = 1_000, 1_000_000, 300


def measure(servers: Servers) -> Sequence[Figure]:
    """Measure each query at both sizes; the small one is the limit."""
    with servers.environment() as environment:
        submit(environment, FEW)
        few = _settled(environment)
        grow(environment, MANY - FEW)
        many = _settled(environment)
    return [
        Figure(
            f"{name}, p50 at 1,000,000 rows",
            many[name],
            "ms",
            few[name],
            "1,000 rows",
            goal=1.5,
            of_limit=True,
            at_most=True,
        )
        for name in few
    ]


def grow(environment: Environment, count: int) -> None:
    """Copy one job in the order of ids: nine of ten copies are done, the others queued."""
    with psycopg.connect(environment.database_url, autocommit=True) as connection:
        cursor = connection.execute("SELECT * FROM jobs LIMIT 1")
        names = [c.name for c in cursor.description or () if c.name not in ("id", "status", "not_before")]
        given = ", ".join(names)
        low = "SELECT replace(max(id::text), '-', '') AS digits FROM jobs"
        key = "left(low.digits, 12) || '7' || lpad(to_hex(n / 4096), 3, '0')"
        key += " || '8' || lpad(to_hex(n % 4096), 15, '0')"
        status = "CASE WHEN n % 10 = 0 THEN 'queued' ELSE 'succeeded' END"
        statement = (
            f"INSERT INTO jobs (id, status, not_before, {given})"
            f" SELECT ({key})::uuid, {status}, not_before, {given}"
            f" FROM (SELECT * FROM jobs LIMIT 1) AS one, ({low}) AS low, generate_series(1, {count}) AS n"
        )
        connection.execute(statement.encode())


def _settled(environment: Environment) -> dict[str, float]:
    """Vacuum and analyze, then measure."""
    with psycopg.connect(environment.database_url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE jobs")
        connection.execute("CHECKPOINT")
    return run(_measured(sqlalchemy_url(environment.database_url)))


async def _measured(url: str) -> dict[str, float]:
    database = Database(url)
    async with database.reading() as connection:
        caller = (await connection.scalars(select(jobs.c.caller_id).limit(1))).one()
        some = (
            await connection.scalars(select(jobs.c.id).where(jobs.c.status == "queued").limit(TIMES))
        ).all()
    found = {
        "get": await _times(database, lambda c, n: find_job(c, some[n % len(some)], caller_id=caller)),
        "list, 50 of all": await _times(database, lambda c, _: list_jobs(c, [caller], JobFilter(), limit=50)),
        "list, 50 queued": await _times(
            database, lambda c, _: list_jobs(c, [caller], JobFilter(statuses=("queued",)), limit=50)
        ),
        "claim, 50 jobs": await _times(database, lease_chunk, times=15),
    }
    await database.close()
    return found


async def lease_chunk(connection: AsyncConnection, _: int) -> None:
    """Lease one chunk as the dispatcher does."""
    at = now()
    segments = await list_segments(connection)
    picked = await pick_due(connection, [SegmentRequest(segment, 50) for segment in segments], at)
    same = {"lease_token": new_id(), "worker": new_id(), "channel": new_id(), "start_at": at, "at": at}
    assert len(await commit(connection, [lease(job.job_id, **same) for job in picked])) == 50


async def _times(
    database: Database, query: Callable[[AsyncConnection, int], Awaitable[Any]], *, times: int = TIMES
) -> float:
    """Return the median milliseconds of a transaction with this query, after a warm-up."""
    durations = Responses()
    for number in range(times):
        begun = perf_counter()
        async with database.writing() as connection:
            await query(connection, number)
        durations.seconds.append(perf_counter() - begun)
    durations.seconds = durations.seconds[min(times // 5, 20) :]
    return durations.quantile(0.5)
