"""Jobs from row to stored image; the provider takes no time and sends small images inline."""

from collections.abc import Sequence

from bench.bare_loop import best
from bench.campaign import run_jobs
from bench.figures import Figure
from bench.servers import Servers

JOBS = 8_000


def measure(servers: Servers) -> Sequence[Figure]:
    """Compare with a bare loop against the same provider."""
    with servers.environment() as environment:
        upstream = environment.start_practice(
            delay=0, picture="tiny", deliver="images_field", progress="none"
        )
        limit = best(upstream, calls=4_000)
        run = run_jobs(environment, environment.start_worker(upstream), JOBS)
    return (
        Figure(
            "end to end, inline pictures",
            run.rate,
            "jobs/s",
            limit,
            "bare loop",
            goal=0.25,
            of_limit=True,
        ),
        Figure("  worker's processor time", run.cpu, "ms/job"),
    )
