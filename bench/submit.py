"""Single submits: jobs per second, and latency at 200 per second."""

from collections.abc import Sequence

import orjson

from bench.api_rates import Server, compare
from bench.figures import Figure
from bench.load import paced, request, run
from bench.servers import Servers

_P99 = 10.0  # ms at 200 submits per second


def single_job(number: int) -> bytes:
    """Prepare the submit of one job."""
    return request("POST", "/v1/jobs", orjson.dumps({"model": "bench", "prompt": f"a cat, number {number}"}))


def measure(servers: Servers) -> Sequence[Figure]:
    """Compare with the same server and middleware around a route doing nothing."""
    with servers.environment() as environment:
        idle = Server(environment.start_idle(), environment.processes[-1])
        api = Server(environment.start_api(connections_per_address=0), environment.processes[-1])
        figures = compare("single submits", idle, api, single_job)
        calm = run(paced(api.port, single_job, rate=200, seconds=10))
        idle_calm = run(paced(idle.port, single_job, rate=200, seconds=5))
    assert not calm.refused, calm.refused[0]
    nothing, (p50, p99) = "route doing nothing", (idle_calm.quantile(0.5), idle_calm.quantile(0.99))
    return (
        *figures,
        Figure("  p50 at 200/s", calm.quantile(0.5), "ms", p50, nothing),
        Figure("  p99 at 200/s", calm.quantile(0.99), "ms", p99, nothing, goal=_P99, at_most=True),
    )
