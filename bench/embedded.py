"""Embedded mode (SQLite, API and worker in one process): polls and submits."""

from collections.abc import Sequence

import orjson

from bench.api_rates import Server, compare
from bench.bulk import EACH, REQUESTS, batch
from bench.figures import Figure
from bench.load import flood, request, run
from bench.polling import submit_jobs
from bench.servers import Servers
from tests.support.processes import until

_JOBS = 200
_NEVER = "2100-01-01T00:00:00Z"


def measure(servers: Servers) -> Sequence[Figure]:
    """Compare with a route doing nothing. While the rates are measured, no job can start."""
    with servers.environment() as environment:
        idle = Server(environment.start_idle(), environment.processes[-1])
        provider = environment.start_practice()
        channel = {"name": "bench", "base_url": provider, "api_key": "practice", "models": ["bench"]}
        _, port = environment.start_embedded([channel])
        embedded = Server(port, environment.processes[-1])
        finished = _polls(run(submit_jobs(port, _JOBS)))
        until(lambda: _all_final(port, finished), within=120, what="all jobs have ended", every=1)
        queued = _polls(run(submit_jobs(port, _JOBS, not_before=_NEVER)))
        figures = [
            *compare(
                "embedded: polls of queued jobs", idle, embedded, lambda n: queued[n % _JOBS], count=1_000
            ),
            *compare(
                "embedded: polls of finished jobs", idle, embedded, lambda n: finished[n % _JOBS], count=1_000
            ),
            *compare("embedded: single submits", idle, embedded, _later, count=1_000),
        ]
        bulk = run(flood(port, lambda n: batch(n, not_before=_NEVER), count=REQUESTS // 3, connections=4))
    assert not bulk.refused, bulk.refused[0]
    return [*figures, Figure("embedded: bulk submits", EACH * bulk.rate, "jobs/s")]


def _polls(job_ids: Sequence[str]) -> list[bytes]:
    return [request("GET", f"/v1/jobs/{job_id}") for job_id in job_ids]


def _later(number: int) -> bytes:
    job = {"model": "bench", "prompt": f"a cat, number {number}", "not_before": _NEVER}
    return request("POST", "/v1/jobs", orjson.dumps(job))


def _all_final(port: int, polls: Sequence[bytes]) -> bool:
    bodies: list[bytes] = []
    run(flood(port, polls.__getitem__, count=len(polls), connections=4, bodies=bodies))
    return all(orjson.loads(body)["finished_at"] for body in bodies)
