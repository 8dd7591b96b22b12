"""Polls: requests per second for the status of a job."""

from collections.abc import Sequence

import orjson

from bench.figures import Figure
from bench.load import Connection, flood, request, run
from bench.servers import Servers

JOBS = 1_000


def measure(servers: Servers) -> Sequence[Figure]:
    """Compare with the same server and middleware around a route doing nothing."""
    with servers.environment() as environment:
        idle, port = environment.start_idle(), environment.start_api()
        known = [request("GET", f"/v1/jobs/{key}") for key in run(_submitted(port))]

        def poll(number: int) -> bytes:
            return known[number % len(known)]

        run(flood(idle, poll, count=500))
        limit = run(flood(idle, poll, count=10_000))
        run(flood(port, poll, count=500))
        real = run(flood(port, poll, count=5_000))
    assert not real.refused, real.refused[0]
    return (
        Figure("polls", real.rate, "requests/s", limit.rate, "route doing nothing"),
        Figure("  p99 of them", real.quantile(0.99), "ms", limit.quantile(0.99), "route doing nothing"),
    )


async def _submitted(port: int) -> list[str]:
    connection = await Connection.open(port)
    body = orjson.dumps({"jobs": [{"model": "bench", "prompt": f"a cat, number {n}"} for n in range(JOBS)]})
    status, answer = await connection.request(request("POST", "/v1/jobs", body))
    connection.close()
    assert status == 202, answer
    return [job["id"] for job in orjson.loads(answer)["accepted"]]
