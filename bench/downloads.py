"""Pictures of 64 KB that answers link to: called, downloaded, checked, hashed, stored."""

from collections.abc import Sequence

from bench.bare import best
from bench.campaign import develop
from bench.figures import Figure
from bench.stage import Stage

JOBS = 5_000


def measure(stage: Stage) -> Sequence[Figure]:
    """Compare with a bare loop that calls and downloads."""
    with stage.set_up() as scene:
        upstream = scene.practice(delay=0, picture="64k", deliver="markdown_url", progress="none")
        limit = best(upstream, calls=2_500, download=True)
        run = develop(scene, scene.work(upstream), JOBS)
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
