"""A thousand calls in flight on one worker, with a provider that takes two seconds."""

from collections.abc import Sequence

from bench.bare import bare_loop
from bench.campaign import develop
from bench.figures import Figure
from bench.load import run
from bench.stage import Stage

SLOTS, SECONDS, JOBS = 1_000, 2.0, 8_000


def measure(stage: Stage) -> Sequence[Figure]:
    """Compare with the ideal, which no client reaches, and with a bare loop."""
    ideal = SLOTS / SECONDS
    with stage.set_up() as scene:
        upstream = scene.practice(delay=SECONDS, picture="tiny", deliver="images_field", progress="none")
        bare = run(bare_loop(upstream, calls=4_000, at_once=SLOTS))
        went = develop(scene, scene.work(upstream, slots=SLOTS), JOBS)
    return (
        Figure("1,000 in flight, 2 s each", went.steady, "jobs/s", ideal, "ideal", goal=0.9, of_limit=True),
        Figure("  with ramp-up and last wave", went.rate, "jobs/s", ideal, "ideal"),
        Figure("  bare loop, with the same", bare, "jobs/s", ideal, "ideal"),
        Figure("  worker's memory", went.memory, "MB", goal=150, at_most=True),
        Figure("  worker's processor time", went.cpu, "ms/job"),
    )
