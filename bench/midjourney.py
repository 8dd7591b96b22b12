"""Midjourney API with a million ended tasks: fetch one, and list five hundred by id."""

from collections.abc import Sequence

import orjson
import psycopg

from bench.figures import Figure
from bench.load import Connection, flood, request, run
from bench.servers import Environment, Servers

TASKS, LISTED, FIRST = 1_000_000, 500, 1_000_000_000_000_000
_GOAL = 500.0  # ms for five hundred tasks: "well under a second"


def measure(servers: Servers) -> Sequence[Figure]:
    """Compare fetches with a route that does nothing, behind the same middleware."""
    with servers.environment() as environment:
        idle = environment.start_idle()
        port = environment.start_api(midjourney_image_model="bench")
        run(_submit(port))
        _grow(environment)
        fetches = [request("GET", f"/mj/task/{FIRST + n * 977 % TASKS}/fetch") for n in range(1_000)]
        lists = [request("POST", "/mj/task/list-by-condition", _ids(start)) for start in range(20)]
        run(flood(idle, lambda n: fetches[n % 1_000], count=500))
        limit = run(flood(idle, lambda n: fetches[n % 1_000], count=10_000))
        run(flood(port, lambda n: fetches[n % 1_000], count=500))
        one = run(flood(port, lambda n: fetches[n % 1_000], count=5_000))
        many = run(flood(port, lambda n: lists[n % 20], count=60, connections=1))
    assert not one.refused, one.refused[0]
    assert not many.refused, many.refused[0]
    of = f"of {TASKS:,} tasks"
    return (
        Figure(f"/mj fetch, one {of}", one.rate, "requests/s", limit.rate, "route doing nothing"),
        Figure("  p99 of them", one.quantile(0.99), "ms", limit.quantile(0.99), "route doing nothing"),
        Figure(
            f"/mj list-by-condition, {LISTED} {of}, p50", many.quantile(0.5), "ms", goal=_GOAL, at_most=True
        ),
        Figure("  p99 of them", many.quantile(0.99), "ms"),
    )


def _ids(start: int) -> bytes:
    return orjson.dumps({"ids": [str(FIRST + (start * 31 + n * 1_999) % TASKS) for n in range(LISTED)]})


async def _submit(port: int) -> None:
    connection = await Connection.open(port)
    status, answer = await connection.request(request("POST", "/mj/submit/imagine", b'{"prompt":"a cat"}'))
    connection.close()
    assert status == 200, answer
    assert orjson.loads(answer)["code"] in (1, 22), answer


def _grow(environment: Environment) -> None:
    """Copy the one task ``TASKS`` times, ended, each with an image of its own."""
    with psycopg.connect(environment.database_url, autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE copies AS SELECT n, gen_random_uuid() AS asset_id "
            f"FROM generate_series(0, {TASKS - 1}) AS n".encode()
        )
        connection.execute(
            b"INSERT INTO assets (id, caller_id, position, token, key, sha256, content_type, extension, "
            b"width, height, bytes, created_at) SELECT asset_id, (SELECT id FROM callers LIMIT 1), 0, "
            b"'token ' || n, 'aa/bb/' || n, md5(n::text) || md5(n::text), 'image/png', 'png', 1024, 1024, "
            b"100000, now() FROM copies"
        )
        cursor = connection.execute("SELECT * FROM midjourney_tasks LIMIT 1")
        changed = ("id", "asset_id", "pictures", "outcome", "finished_at", "hash")
        same = ", ".join(c.name for c in cursor.description or () if c.name not in changed)
        connection.execute(
            f"INSERT INTO midjourney_tasks (id, asset_id, pictures, outcome, finished_at, hash, {same}) "
            f"SELECT {FIRST} + n, copies.asset_id, to_jsonb(ARRAY[copies.asset_id]), 'SUCCESS', now(), "
            f"gen_random_uuid(), {same} FROM (SELECT * FROM midjourney_tasks LIMIT 1) AS one, copies".encode()
        )
        connection.execute("VACUUM ANALYZE midjourney_tasks")
        connection.execute("VACUUM ANALYZE assets")
        connection.execute("CHECKPOINT")
