"""Jobs from row to stored picture, with a provider that takes no time and sends small pictures inline."""

from collections.abc import Sequence

from bench.bare import best
from bench.campaign import develop
from bench.figures import Figure
from bench.stage import Stage

JOBS = 8_000


def measure(stage: Stage) -> Sequence[Figure]:
    """Compare with a bare loop against the same provider."""
    with stage.set_up() as scene:
        upstream = scene.practice(delay=0, picture="tiny", deliver="images_field", progress="none")
        limit = best(upstream, calls=4_000)
        run = develop(scene, scene.work(upstream), JOBS)
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
