"""Dispatch round with a million queued jobs in a thousand campaigns."""

import gc
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import event

from bench.campaign import submit
from bench.figures import Figure
from bench.load import Responses, run
from bench.servers import Environment, Servers
from models.ids import new_id
from models.queries.channels import sync_channels
from models.queries.workers import write_heartbeat
from models.settings import Settings
from worker.in_flight import InFlightJobs
from worker.scheduler.dispatcher import Dispatcher
from worker.services import build_services

QUEUED, CAMPAIGNS, CALLERS, ROUNDS, WARM_UP = 1_000_000, 1_000, 20, 120, 20
_GOALS = {1: 8.0, 50: 15.0}  # ms at p50, by leased jobs


def measure(servers: Servers) -> Sequence[Figure]:
    """Measure rounds that lease one job, and rounds that lease fifty."""
    with servers.environment() as environment:
        submit(environment, 1)
        _grow(environment)
        times = {slots: run(_rounds(environment, slots)) for slots in (1, 50)}
    return [
        Figure(
            f"dispatch round, {slots} of {QUEUED:,} jobs in {CAMPAIGNS:,} campaigns, {name}",
            durations.quantile(share),
            "ms",
            goal=_GOALS[slots] if share == 0.5 else None,
            at_most=True,
        )
        for slots, durations in times.items()
        for name, share in (("p50", 0.5), ("p99", 0.99))
    ]


def _grow(environment: Environment) -> None:
    """Copy one job: each caller has fifty campaigns, each campaign a thousand jobs in three priorities."""
    with psycopg.connect(environment.database_url, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO callers (id, name, key_hash, key_hint, admin, created_at) SELECT gen_random_uuid(), "
            f"'c' || n, sha256(n::text::bytea), '', false, now() FROM generate_series(1, {CALLERS - 1}) AS n"
        )
        cursor = connection.execute("SELECT * FROM jobs LIMIT 1")
        changed = ("id", "caller_id", "campaign", "priority")
        same = ", ".join(c.name for c in cursor.description or () if c.name not in changed)
        connection.execute(
            f"INSERT INTO jobs (id, caller_id, campaign, priority, {same}) "  # type: ignore[arg-type]
            f"SELECT gen_random_uuid(), callers.id, 'campaign ' || n % {CAMPAIGNS}, 4 + n / {CAMPAIGNS} % 3, "
            f"{same} "
            f"FROM (SELECT * FROM jobs LIMIT 1) AS one, generate_series(1, {QUEUED - 1}) AS n, "
            "LATERAL (SELECT array_agg(id ORDER BY id) AS ids FROM callers) AS all_callers, "
            f"LATERAL (SELECT ids[1 + n % {CAMPAIGNS} / {CAMPAIGNS // CALLERS}] AS id) AS callers"
        )
        connection.execute("VACUUM ANALYZE jobs")
        connection.execute("CHECKPOINT")


async def _rounds(environment: Environment, slots: int) -> Responses:
    settings = Settings(
        database_url=environment.database_url,
        storage_url=f"file:{environment.folder}/pictures",
        upstream_base_url="http://127.0.0.1:9",
        upstream_concurrency=10_000_000,
    )
    services, worker = build_services(settings), new_id()
    services = replace(services, settings=settings)
    async with services.database.writing() as connection:
        await sync_channels(connection, settings.all_channels(), services.clock())
        row = {"id": worker, "name": "bench", "version": "0", "slots": slots, "stopping_at": None}
        await write_heartbeat(connection, {**row, "started_at": services.clock()}, services.clock())

    async def publish(_task: str, _jobs: Sequence[UUID], _lease: UUID) -> bool:
        return True

    durations, in_flight, split = (
        Responses(),
        InFlightJobs(slots),
        _Split(services.database.engine.sync_engine),
    )
    dispatcher = Dispatcher(services, in_flight, worker, publish)
    gc.collect()
    gc.freeze()  # as a worker does when it starts
    for number in range(ROUNDS):
        in_flight.jobs.clear()
        if number == WARM_UP:
            split.seconds.clear()
        begun = perf_counter()
        await dispatcher.run_round()
        durations.seconds.append(perf_counter() - begun)
        assert len(in_flight.jobs) == slots
    await services.close()
    durations.seconds = durations.seconds[WARM_UP:]
    split.show(slots, durations.seconds)
    return durations


class _Split:
    """Time of rounds by statement, from sending it to its last row."""

    def __init__(self, engine: Any) -> None:
        self.seconds: Counter[str] = Counter()
        self._begun = 0.0
        event.listen(engine, "before_cursor_execute", self._begin)
        event.listen(engine, "after_cursor_execute", self._end)

    def _begin(self, *_: object) -> None:
        self._begun = perf_counter()

    def _end(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        self.seconds[" ".join(statement.split())[:70]] += perf_counter() - self._begun

    def show(self, slots: int, rounds: Sequence[float]) -> None:
        """Print the milliseconds of a round, on average."""
        rest = sum(rounds) - self.seconds.total()
        for what, seconds in [*self.seconds.most_common(), ("the rest: Python, COMMIT", rest)]:
            print(f"  a round of {slots}: {1000 * seconds / len(rounds):5.2f} ms  {what}")
