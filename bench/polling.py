"""Polls: how many times per second callers can ask how a job is."""

from collections.abc import Sequence

import orjson

from bench.figures import Figure
from bench.load import Line, flood, request, run
from bench.stage import Stage

JOBS = 1_000


def measure(stage: Stage) -> Sequence[Figure]:
    """Compare with the same server and front door around a route that does nothing."""
    with stage.set_up() as scene:
        idle, port = scene.idle(), scene.serve()
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
    line = await Line.open(port)
    body = orjson.dumps({"jobs": [{"model": "bench", "prompt": f"a cat, number {n}"} for n in range(JOBS)]})
    status, answer = await line.ask(request("POST", "/v1/jobs", body))
    line.close()
    assert status == 202, answer
    return [job["id"] for job in orjson.loads(answer)["accepted"]]
