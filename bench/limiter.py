"""Rate limits over real processes: no 60 s exceed them, and while work waits nearly all of them is used."""

import os
import time
from collections.abc import Sequence

from bench.backlog import Batch, calls_at, queue
from bench.figures import Figure
from bench.stage import Stage
from tests.support.windows import emptiest, fullest

LIMITS = {"fast": 600, "slow": 120}  # calls per minute, by model: each has a channel of its own
SECONDS, SETTLING, MINUTE = 160.0, 5.0, 60.0
DELAY = "2-4"  # seconds that a call takes
_USED = 0.97  # of the limit, while work waits


def measure(stage: Stage) -> Sequence[Figure]:
    """Measure one worker and four on PostgreSQL, and everything in one process on SQLite."""
    return [
        *_measured(stage, "PostgreSQL, 1 worker", 1),
        *_measured(stage, "PostgreSQL, 4 workers", 4),
        *_measured(stage, "SQLite, `darkroom up`", 0),
    ]


def _measured(stage: Stage, where: str, workers: int) -> list[Figure]:
    with stage.set_up() as scene:
        provider = scene.practice(delay=DELAY, picture="tiny", deliver="images_field", progress="none")
        channels = [
            {
                **{"name": model, "base_url": provider, "api_key": f"practice-{model}", "models": [model]},
                **{"rpm": rpm, "concurrency": 500},
            }
            for model, rpm in LIMITS.items()
        ]
        url = scene.database_url
        if workers:
            scene.crew(channels, workers=workers)
        else:
            url = scene.up(channels)
        enough = int(SECONDS / MINUTE) + 2
        queue(url, [Batch(enough * rpm, model=model) for model, rpm in LIMITS.items()])
        time.sleep(SECONDS)
        load = os.getloadavg()[0]
        calls = calls_at(provider)
    figures = []
    for model, rpm in LIMITS.items():
        times = [call["received"] for call in calls if call["model"] == model]
        figures += _figures(f"{rpm} calls/min, {where}, load {load:.1f}", times, rpm)
    return figures


def _figures(name: str, times: Sequence[float], rpm: int) -> list[Figure]:
    """Compare arrivals with the limit; the first seconds are left out of what is used."""
    begun, ended = min(times) + SETTLING, max(times)
    used = sum(time >= begun for time in times) / ((ended - begun) / MINUTE)
    least = emptiest(times, MINUTE, first=begun, last=ended)
    options = {"unit": "calls", "limit": float(rpm), "limited_by": "the limit", "of_limit": True}
    return [
        Figure(f"{name}: fullest 60 s", fullest(times, MINUTE), goal=1.0, at_most=True, **options),  # type: ignore[arg-type]
        Figure("  on average per 60 s", used, goal=_USED, **options),  # type: ignore[arg-type]
        Figure("  emptiest 60 s", least, goal=_USED, **options),  # type: ignore[arg-type]
    ]
