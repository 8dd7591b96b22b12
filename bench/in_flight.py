"""A thousand calls in flight on one worker; each takes two seconds."""

from collections.abc import Sequence

from bench.bare_loop import bare_loop
from bench.campaign import run_jobs
from bench.figures import Figure
from bench.load import run
from bench.servers import Servers

SLOTS, SECONDS, JOBS = 1_000, 2.0, 8_000


def measure(servers: Servers) -> Sequence[Figure]:
    """Compare with the ideal, which no client reaches, and with the bare loop."""
    ideal = SLOTS / SECONDS
    with servers.environment() as environment:
        upstream = environment.start_practice(
            delay=SECONDS, picture="tiny", deliver="images_field", progress="none"
        )
        bare = run(bare_loop(upstream, calls=4_000, concurrency=SLOTS))
        result = run_jobs(environment, environment.start_worker(upstream, slots=SLOTS), JOBS)
    return (
        Figure("1,000 in flight, 2 s each", result.steady, "jobs/s", ideal, "ideal", goal=0.9, of_limit=True),
        Figure("  with ramp-up and last wave", result.rate, "jobs/s", ideal, "ideal"),
        Figure("  bare loop, with the same", bare, "jobs/s", ideal, "ideal"),
        Figure("  worker's memory", result.memory, "MB", goal=150, at_most=True),
        Figure("  worker's processor time", result.cpu, "ms/job"),
    )
