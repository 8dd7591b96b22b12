"""Events and attempts by month, at ten million jobs: what partitions cost, and what a month's end does."""

import os
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bench.campaign import submit
from bench.figures import Figure
from bench.load import Responses, run
from bench.rows import lease_chunk
from bench.servers import Servers
from models.clock import now
from models.database import Database
from models.ids import first_id, new_id
from models.operations.months import ids_of, later_month, month_of
from models.operations.retention import RetentionKind
from models.queries.attempts import NewAttempt, insert_attempts, recent_calls
from models.queries.jobs import list_attempts, list_events
from models.queries.operations.ended_jobs import delete_events, lock_ended
from models.queries.operations.partitions import (
    TABLES,
    add_month,
    drop_partition,
    list_partitions,
    settled_number,
)
from models.tables import events
from tests.support.databases import sqlalchemy_url
from worker.retention.month_partitions import partition
from worker.retention.month_pruner import prune_months

JOBS = int(os.environ.get("BENCH_MONTHS_JOBS", "10000000"))
MONTHS, EVENTS, TIMES = 10, 5, 200  # months with jobs; events of a job
_BATCH, _BATCHES = 50, 200  # jobs in one transaction of the pruner
_CHUNK = 200_000  # jobs in one statement
_EQUAL = 1.5  # of the time without partitions
_JOB = """
INSERT INTO jobs (id, caller_id, status, created_at, updated_at, not_before, finished_at, surface, revision,
    generation, model, prompt, request, tags, metadata, priority, max_attempts, on_unknown, backing_off,
    progress, attempts_used, store_tries)
SELECT {key}, (SELECT id FROM callers LIMIT 1), 'succeeded', t, t, t, t + interval '1 minute', 'rest', 5, 1,
    'm', 'a cat on a roof ' || n, '{{"n": 1}}', '[]', '{{}}', 0, 3, 'hold', false, 100, 1, 0
FROM (SELECT n, {time} AS t FROM generate_series(%(first)s::bigint, %(last)s) AS n) AS one
"""
_CALL = """
INSERT INTO attempts (job_id, number, generation, channel, worker_id, sent_at, finished_at, outcome, billed)
SELECT {key}, 1, 1, 'upstream', (SELECT id FROM callers LIMIT 1), t, t, 'success', 'yes'
FROM (SELECT n, {time} AS t FROM generate_series(%(first)s::bigint, %(last)s) AS n) AS one
"""
_EVENT = """
INSERT INTO events (job_id, revision, status, progress, at)
SELECT {key}, r, 'running', 0, t
FROM (SELECT n, {time} AS t FROM generate_series(%(first)s::bigint, %(last)s) AS n) AS one,
    generate_series(1, {events}) AS r
"""
_TIME = "%(begin)s::timestamptz + n * %(step)s::interval"
_KEY = (
    "(lpad(to_hex((extract(epoch FROM t) * 1000)::bigint), 12, '0') || '70008000'"
    " || lpad(to_hex(n), 12, '0'))::uuid"
)


def measure(servers: Servers) -> Sequence[Figure]:
    """Measure the same on tables with and without partitions, on one database."""
    with servers.environment() as environment:
        submit(environment, 50 * 4 * TIMES)
        url, begin = environment.database_url, later_month(month_of(now()), -MONTHS)
        _fill(url, begin)
        return run(_measured(url, begin))


def _fill(url: str, begin: datetime) -> None:
    """Insert jobs evenly over the months before this one, each with a call and events."""
    step = (month_of(now()) - begin) / JOBS
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")  # no check of references
        connection.execute("SET synchronous_commit = off")
        for first in range(0, JOBS, _CHUNK):
            values = {"first": first, "last": min(first + _CHUNK, JOBS) - 1, "begin": begin, "step": step}
            for statement in (_JOB, _CALL, _EVENT):
                connection.execute(statement.format(key=_KEY, time=_TIME, events=EVENTS).encode(), values)
        connection.execute("VACUUM ANALYZE jobs, attempts, events")
        connection.execute("CHECKPOINT")


async def _measured(url: str, begin: datetime) -> Sequence[Figure]:
    database = Database(sqlalchemy_url(url))
    without = await _use(database, begin, number=1)
    deletion = await _delete(database, begin)
    begun = perf_counter()
    await partition(database, now())
    conversion = perf_counter() - begun
    await _spread(database, begin)
    having = await _use(database, begin, number=2)
    drop, locked = await _drop(database, begin)
    await database.close()
    return [
        Figure(f"conversion of both tables, {JOBS:,} jobs with {EVENTS} events and a call", conversion, "s"),
        *(
            Figure(
                f"{what}; {MONTHS} months with partitions, p50",
                having[what],
                "ms",
                without[what],
                "without",
                goal=_EQUAL,
                of_limit=True,
                at_most=True,
            )
            for what in without
        ),
        Figure(
            f"end of a month of {JOBS / MONTHS:,.0f} jobs, its events by the drop of their partition",
            drop,
            "s",
            deletion,
            f"by rows, at the rate of {_BATCHES} batches without pauses",
        ),
        Figure("  of which both tables are locked, until the commit", 1000 * locked, "ms"),
    ]


async def _use(database: Database, begin: datetime, *, number: int) -> dict[str, float]:
    """Return the median milliseconds of transactions that write and read events and attempts."""
    async with database.reading() as connection:
        newest = await _ids(connection, "status = 'queued' ORDER BY id DESC", _BATCH * TIMES)
        old = await _ids(connection, "status = 'succeeded' AND id > :low ORDER BY id", TIMES * 10, begin)
    at, worker = now(), new_id()

    async def start(connection: AsyncConnection, n: int) -> None:
        calls = [
            NewAttempt(job_id=each, number=number, generation=1, channel="new", worker_id=worker, sent_at=at)
            for each in newest[n * _BATCH : (n + 1) * _BATCH]
        ]
        await insert_attempts(connection, calls)

    return {
        "lease of 50 jobs, with their events": await _times(database, lease_chunk),
        "insert of 50 calls": await _times(database, start),
        "events of one job": await _times(database, lambda c, n: list_events(c, old[n], after=0, limit=100)),
        "calls of 50 jobs": await _times(database, lambda c, n: list_attempts(c, old[n : n + 50])),
        "calls of a channel in the last minute": await _times(
            database, lambda c, _: recent_calls(c, "upstream", now(), (), timedelta(minutes=1))
        ),
    }


async def _times(database: Database, query: Callable[[AsyncConnection, int], Awaitable[Any]]) -> float:
    durations = Responses()
    for number in range(TIMES):
        begun = perf_counter()
        async with database.writing() as connection:
            await query(connection, number)
        durations.seconds.append(perf_counter() - begun)
    durations.seconds = durations.seconds[TIMES // 5 :]
    return durations.quantile(0.5)


async def _ids(
    connection: AsyncConnection, condition: str, limit: int, begin: datetime | None = None
) -> Sequence[UUID]:
    query = text(f"SELECT id FROM jobs WHERE {condition} LIMIT {limit}")
    return (await connection.scalars(query, {"low": first_id(begin)} if begin else {})).all()


async def _delete(database: Database, begin: datetime) -> float:
    """Delete events as the pruner does; return the seconds that those of a month would take."""
    async with database.reading() as connection:
        where = "status = 'succeeded' AND id > :low ORDER BY id"
        ids = await _ids(connection, where, _BATCH * _BATCHES, later_month(begin))
    begun = perf_counter()
    for start in range(0, len(ids), _BATCH):
        async with database.writing() as connection:
            await lock_ended(connection, ids[start : start + _BATCH])
            await delete_events(connection, ids[start : start + _BATCH])
    return (perf_counter() - begun) / len(ids) * JOBS / MONTHS


async def _spread(database: Database, begin: datetime) -> None:
    """Give the rows of each month a partition, as if they had been converted before it."""
    for table in TABLES:
        async with database.writing() as connection:
            history, *_ = await list_partitions(connection, table)
            assert history.ends is not None
            await connection.execute(text(f"ALTER TABLE {table.name} DETACH PARTITION {history.name}"))
            month = begin
            while month < history.ends:
                await add_month(connection, table, month)
                month = later_month(month)
            await connection.execute(text("SET LOCAL session_replication_role = replica"))
            await connection.execute(text(f"INSERT INTO {table.name} SELECT * FROM {history.name}"))
            await connection.execute(text(f"DROP TABLE {history.name}"))
        async with database.engine.connect() as plain:
            free = await plain.execution_options(isolation_level="AUTOCOMMIT")
            await free.execute(text(f"VACUUM ANALYZE {table.name}"))


async def _drop(database: Database, begin: datetime) -> tuple[float, float]:
    """Drop the first month as the pruner does; return the seconds in all, and those until a drop commits."""
    first, at = ids_of(begin)[1], now()
    async with database.reading() as connection:
        before = await list_partitions(connection, events)
    begun = perf_counter()
    period = at - later_month(begin) - timedelta(hours=1)
    await prune_months(database, {RetentionKind.EVENTS: period}, at)
    whole = perf_counter() - begun
    async with database.reading() as connection:
        after = await list_partitions(connection, events)
    assert first in {each.high for each in before} - {each.high for each in after}
    async with database.writing() as connection:
        settled = await settled_number(connection)
    begun = perf_counter()
    async with database.writing() as connection:
        assert await drop_partition(connection, after[0], settled)
        locked = perf_counter() - begun
    return whole, locked
