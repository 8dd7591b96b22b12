"""Capacity of one PostgreSQL with millions of jobs: lifecycles, rounds, sizes, cost of dead rows."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg

from bench.campaign import submit
from bench.figures import Figure, show
from bench.lifecycles import LifecycleCost, run_lifecycles
from bench.load import run
from bench.servers import Environment, Servers

SIZES = tuple(int(float(size) * 1_000_000) for size in os.environ.get("SCALE", "1 2").split())
JOBS, FEW = 10_000, 3_000
_QUEUED = 20  # every 20th job is queued
_CALLERS, _CAMPAIGNS = 20, 1_000
_BASE = 1735689600000  # 2025-01-01, in milliseconds

_GROW = f"""
INSERT INTO jobs (id, caller_id, campaign, status, revision, priority, prompt, not_before, started_at,
    finished_at, created_at, updated_at, attempts_used, progress, channel_id, leased_at, {{same}})
SELECT (lpad(to_hex({{base}} + n * {{step}}), 12, '0') || '7' || lpad(to_hex(n % 4096), 3, '0') || '8'
        || lpad(to_hex(n), 15, '0'))::uuid,
    ids[1 + n / {_QUEUED} % {_CALLERS}], 'campaign ' || n / {_QUEUED} % {_CAMPAIGNS},
    CASE WHEN waits THEN 'queued' ELSE 'succeeded' END, CASE WHEN waits THEN 1 ELSE 4 END,
    4 + n / {_QUEUED} % 3, repeat('a cat in the rain, ', 10) || n, at,
    CASE WHEN NOT waits THEN at END, CASE WHEN NOT waits THEN at END, at, at,
    CASE WHEN waits THEN 0 ELSE 1 END, CASE WHEN waits THEN 0 ELSE 100 END,
    CASE WHEN NOT waits THEN ids[1] END, CASE WHEN NOT waits THEN at END, {{same}}
FROM (SELECT {{same}} FROM jobs ORDER BY id DESC LIMIT 1) AS one,
    (SELECT array_agg(id ORDER BY id) AS ids FROM callers) AS all_callers,
    (SELECT n, n % {_QUEUED} = 0 AS waits, to_timestamp(({{base}} + n * {{step}}) / 1000.0) AS at
     FROM generate_series({{first}}, {{last}}) AS n) AS numbers"""
_GROW_RELATED = """
INSERT INTO events (job_id, revision, status, progress, at)
SELECT id, r, (ARRAY['queued', 'leased', 'running', 'succeeded'])[r], 0, created_at
FROM jobs, generate_series(1, 4) AS r WHERE jobs.id >= {low} AND jobs.id <= {high} AND r <= revision;
INSERT INTO attempts (job_id, number, generation, channel, worker_id, sent_at, finished_at, outcome,
    http_status, billed)
SELECT id, 1, 1, 'upstream', id, created_at, created_at, 'success', 200, 'yes'
FROM jobs WHERE id >= {low} AND id <= {high} AND status = 'succeeded';
INSERT INTO assets (id, caller_id, job_id, position, token, key, sha256, content_type, extension, width,
    height, bytes, created_at)
SELECT id, caller_id, id, 0, md5(id::text), 'sha256/' || md5(id::text) || md5(prompt) || '.png',
    md5(id::text) || md5(prompt), 'image/png', 'png', 1024, 1024, 2000000, created_at
FROM jobs WHERE id >= {low} AND id <= {high} AND status = 'succeeded'"""
_GIVEN = frozenset(
    (
        *("id", "caller_id", "campaign", "status", "revision", "priority", "prompt", "not_before"),
        *("started_at", "finished_at", "created_at", "updated_at", "attempts_used", "progress"),
        *("channel_id", "leased_at"),
    )
)


def measure(servers: Servers) -> Sequence[Figure]:
    """Measure at each size: lifecycles; rounds, also over dead rows and an old snapshot; table sizes."""
    figures: list[Figure] = []
    with servers.environment() as environment:
        submit(environment, 1)
        add_callers(environment)
        have = 0
        for size in SIZES:
            grow(environment, have, size)
            have = size
            _print_sizes(environment)
            measured = _measured(servers, environment, f"{size / 1e6:g} M jobs")
            show(measured)  # the next size may take long
            figures += measured
    return figures


def _measured(servers: Servers, environment: Environment, size: str) -> list[Figure]:
    postmaster = servers.copies.pid
    settle(environment)
    size = f"{size}, load {os.getloadavg()[0]:.1f}"
    calm = run(run_lifecycles(environment, postmaster, FEW, workers=1))
    cost = run(run_lifecycles(environment, postmaster, JOBS))
    dead = run(run_lifecycles(environment, postmaster, FEW, workers=1))
    _print_dead_rows(environment)
    with _old_snapshot(environment):
        run(run_lifecycles(environment, postmaster, JOBS))
        old_snapshot = run(run_lifecycles(environment, postmaster, FEW, workers=1))
    settle(environment)
    again = run(run_lifecycles(environment, postmaster, FEW, workers=1))
    return [
        Figure(f"{size}: whole lifecycles, 4 workers", cost.rate, "jobs/s"),
        Figure("  write-ahead log", cost.wal, "kB/job"),
        Figure("  PostgreSQL's processor time", cost.cpu, "ms/job"),
        *_one_worker_figures("after VACUUM", calm),
        *_one_worker_figures(f"{JOBS:,} jobs later", dead),
        *_one_worker_figures(f"{JOBS:,} more under an old snapshot later", old_snapshot),
        *_one_worker_figures("after VACUUM again", again),
    ]


def _one_worker_figures(when: str, cost: LifecycleCost) -> tuple[Figure, Figure]:
    """Return the figures of one worker; on a busy machine, processor time is the better measure."""
    return (
        Figure(f"  {when}: round of 50 jobs, p50", cost.round, "ms"),
        Figure("    PostgreSQL's processor time", cost.cpu, "ms/job"),
    )


def add_callers(environment: Environment) -> None:
    """Add callers to the one that has submitted."""
    with _connected(environment) as connection:
        connection.execute(
            "INSERT INTO callers (id, name, key_hash, key_hint, admin, created_at) SELECT gen_random_uuid(), "
            f"'c' || n, sha256(n::text::bytea), '', false, now() FROM generate_series(1, {_CALLERS - 1}) AS n"
        )


def grow(environment: Environment, have: int, size: int, *, base: int = _BASE, step: int = 10) -> None:
    """Add jobs in the order of their ids, with their events, attempts and assets.

    ``base``: when the first is created, in milliseconds since 1970; ``step``: milliseconds to the next one.
    """
    with _connected(environment) as connection:
        connection.execute("SET synchronous_commit = off")
        cursor = connection.execute("SELECT * FROM jobs LIMIT 1")
        same = ", ".join(column.name for column in cursor.description or () if column.name not in _GIVEN)
        for first in range(have, size, 250_000):
            last = min(first + 250_000, size) - 1
            connection.execute(_GROW.format(same=same, first=first, last=last, base=base, step=step).encode())
            connection.execute("ANALYZE jobs")  # without it, the next statement scans the whole table
            low, high = (f"'{base + number * step:012x}'" for number in (first, last))
            ends = {"low": _uuid(low, "0"), "high": _uuid(high, "f")}
            connection.execute(_GROW_RELATED.format(**ends).encode())


def _uuid(digits: str, rest: str) -> str:
    return f"({digits} || repeat('{rest}', 20))::uuid"


def settle(environment: Environment) -> None:
    """Vacuum, analyze and write all to the disk."""
    with _connected(environment) as connection:
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


@contextmanager
def _old_snapshot(environment: Environment) -> Iterator[None]:
    """Keep a transaction with an old snapshot open: VACUUM may remove nothing."""
    with psycopg.connect(environment.database_url) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SELECT count(*) FROM workers")
        yield
        connection.rollback()


def _print_sizes(environment: Environment) -> None:
    with _connected(environment) as connection:
        rows = connection.execute(
            "SELECT relname, pg_relation_size(oid) FROM pg_class WHERE relnamespace = 'public'::regnamespace "
            "AND relkind IN ('r', 'i') AND pg_relation_size(oid) > 10000000 ORDER BY 2 DESC"
        ).fetchall()
        total = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    print(f"in all {int(total[0]) / 1e6:,.0f} MB" if total else "")
    for name, size in rows:
        print(f"  {name}: {size / 1e6:,.0f} MB")


def _print_dead_rows(environment: Environment) -> None:
    with _connected(environment) as connection:
        rows = connection.execute(
            "SELECT relname, n_tup_ins, n_tup_upd, n_tup_hot_upd, n_dead_tup, autovacuum_count "
            "FROM pg_stat_user_tables WHERE n_tup_upd > 1000 OR n_dead_tup > 1000"
        ).fetchall()
    for name, *counts in rows:
        print(f"  {name}: inserted, updated, HOT, dead, autovacuums: {counts}")


@contextmanager
def _connected(environment: Environment) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(environment.database_url, autocommit=True) as connection:
        yield connection
