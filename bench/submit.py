"""Single submits: how many per second, and how long each takes at 200 per second."""

from collections.abc import Sequence

import orjson

from bench.figures import Figure
from bench.load import flood, paced, request, run
from bench.stage import Stage


def _job(number: int) -> bytes:
    return request("POST", "/v1/jobs", orjson.dumps({"model": "bench", "prompt": f"a cat, number {number}"}))


def measure(stage: Stage) -> Sequence[Figure]:
    """Compare with the same server and front door around a route that does nothing."""
    with stage.set_up() as scene:
        idle, port = scene.idle(), scene.serve()
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
