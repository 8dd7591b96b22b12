"""Single submits: jobs per second, and latency at 200 per second."""

from collections.abc import Sequence

import orjson

from bench.figures import Figure
from bench.load import flood, paced, request, run
from bench.servers import Servers


def _job(number: int) -> bytes:
    return request("POST", "/v1/jobs", orjson.dumps({"model": "bench", "prompt": f"a cat, number {number}"}))


def measure(servers: Servers) -> Sequence[Figure]:
    """Compare with the same server and middleware around a route doing nothing."""
    with servers.environment() as environment:
        idle, port = environment.start_idle(), environment.start_api()
        run(flood(idle, _job, count=500))
        limit = run(flood(idle, _job, count=10_000))
        run(flood(port, _job, count=500))
        real = run(flood(port, _job, count=5_000))
        calm = run(paced(port, _job, rate=200, seconds=10))
        idle_calm = run(paced(idle, _job, rate=200, seconds=5))
    assert not real.refused + calm.refused, (real.refused + calm.refused)[0]
    return (
        Figure("single submits", real.rate, "jobs/s", limit.rate, "route doing nothing"),
        Figure("  p50 at 200/s", calm.quantile(0.5), "ms", idle_calm.quantile(0.5), "route doing nothing"),
        Figure("  p99 at 200/s", calm.quantile(0.99), "ms", idle_calm.quantile(0.99), "route doing nothing"),
    )
