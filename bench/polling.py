"""Polls of queued and of finished jobs: requests per second, and processor time of one."""

from collections.abc import Sequence

import orjson
import psycopg

from bench.api_rates import Server, compare
from bench.figures import Figure
from bench.load import Connection, request, run
from bench.servers import Environment, Servers

JOBS = 1_000


def measure(servers: Servers) -> Sequence[Figure]:
    """Compare with the same server and middleware around a route doing nothing."""
    with servers.environment() as environment:
        idle = Server(environment.start_idle(), environment.processes[-1])
        api = Server(environment.start_api(), environment.processes[-1])
        polls = [request("GET", f"/v1/jobs/{key}") for key in run(submit_jobs(api.port, JOBS))]
        figures = [*compare("polls of queued jobs", idle, api, lambda n: polls[n % JOBS])]
        _finish(environment)
        return [*figures, *compare("polls of finished jobs", idle, api, lambda n: polls[n % JOBS])]


async def submit_jobs(port: int, count: int, **members: object) -> list[str]:
    """Submit jobs in one request and return their ids."""
    connection = await Connection.open(port)
    jobs = [{"model": "bench", "prompt": f"a cat, number {n}", **members} for n in range(count)]
    status, answer = await connection.request(request("POST", "/v1/jobs", orjson.dumps({"jobs": jobs})))
    connection.close()
    assert status == 202, answer
    return [job["id"] for job in orjson.loads(answer)["accepted"]]


def _finish(environment: Environment) -> None:
    """End all jobs, each with a call and an image."""
    with psycopg.connect(environment.database_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE jobs SET status = 'succeeded', revision = 5, progress = 100, attempts_used = 1, "
            "started_at = now(), finished_at = now()"
        )
        connection.execute(
            "INSERT INTO attempts (job_id, number, generation, channel, worker_id, sent_at, finished_at, "
            "outcome, http_status, billed) SELECT id, 1, 1, 'bench', id, now(), now(), 'success', 200, 'yes' "
            "FROM jobs"
        )
        connection.execute(
            "INSERT INTO assets (id, caller_id, job_id, position, generation, token, key, sha256, "
            "content_type, extension, width, height, bytes, created_at) SELECT gen_random_uuid(), caller_id, "
            "id, 0, 1, md5(id::text), md5(id::text), md5(id::text) || md5(id::text), 'image/png', 'png', "
            "1024, 1024, 100000, now() FROM jobs"
        )
        connection.execute("VACUUM ANALYZE jobs, attempts, assets")
