"""Bulk submits: a thousand jobs per request."""

from collections.abc import Sequence
from time import perf_counter

import orjson
import psycopg

from bench.figures import Figure
from bench.load import flood, request, run
from bench.servers import Environment, Servers

EACH, REQUESTS = 1_000, 60


def batch(number: int, **members: object) -> bytes:
    """Prepare the submit of a thousand jobs."""
    jobs = [{"model": "bench", "prompt": f"a cat, number {number}-{n}", **members} for n in range(EACH)]
    return request("POST", "/v1/jobs", orjson.dumps({"jobs": jobs}))


def measure(servers: Servers) -> Sequence[Figure]:
    """Compare with PostgreSQL alone, which inserts copies of the same rows by ``INSERT … SELECT``."""
    with servers.environment() as environment:
        port = environment.start_api()
        prepared = [batch(number) for number in range(REQUESTS)]
        run(flood(port, prepared.__getitem__, count=4, connections=4))
        before = environment.count("SELECT count(*) FROM jobs")
        responses = run(flood(port, prepared.__getitem__, count=REQUESTS, connections=4))
        inserted = environment.count("SELECT count(*) FROM jobs") - before
        alone = _alone(environment)
    assert not responses.refused, responses.refused[0]
    assert inserted == EACH * REQUESTS, f"{inserted} jobs were inserted"
    rate = inserted / responses.duration
    return (Figure("bulk submits", rate, "jobs/s", alone, "PostgreSQL alone", goal=20_000),)


def _alone(environment: Environment) -> float:
    """Insert a thousand copies of a job and their events in each transaction; return rows per second."""
    with psycopg.connect(environment.database_url) as connection:
        cursor = connection.execute("SELECT * FROM jobs LIMIT 1")
        names = [column.name for column in cursor.description or () if column.name != "id"]
        given = ", ".join(names)
        statement = (
            f"WITH inserted AS (INSERT INTO jobs (id, {given}) SELECT gen_random_uuid(), {given}"
            f" FROM (SELECT * FROM jobs LIMIT 1) AS one, generate_series(1, {EACH}) RETURNING id)"
            " INSERT INTO events (job_id, revision, status, progress, at)"
            " SELECT id, 1, 'queued', 0, now() FROM inserted"
        )
        begun = perf_counter()
        for _ in range(REQUESTS // 3):
            connection.execute(statement.encode())
            connection.commit()
        return EACH * (REQUESTS // 3) / (perf_counter() - begun)
