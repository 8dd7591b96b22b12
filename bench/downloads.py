"""Images of 64 KB by URL: call, download, check, hash, store."""

from collections.abc import Sequence

from bench.bare_loop import best
from bench.campaign import run_jobs
from bench.figures import Figure
from bench.servers import Servers

JOBS = 5_000


def measure(servers: Servers) -> Sequence[Figure]:
    """Compare with a bare loop that calls and downloads."""
    with servers.environment() as environment:
        upstream = environment.start_practice(delay=0, picture="64k", deliver="markdown_url", progress="none")
        limit = best(upstream, calls=2_500, download=True)
        run = run_jobs(environment, environment.start_worker(upstream), JOBS)
    return (
        Figure(
            "64 KB pictures by URL",
            run.rate,
            "jobs/s",
            limit,
            "bare loop",
            goal=0.5,
            of_limit=True,
        ),
        Figure("  worker's processor time", run.cpu, "ms/job"),
    )
