"""Rate limits, over real processes: no 60 s above the limit, and nearly all of it used."""

import os
import time
from collections.abc import Sequence

from bench.backlog import Batch, calls_at, insert_backlog
from bench.figures import Figure
from bench.servers import Servers
from tests.support.sliding_windows import max_in_window, min_in_window

RUNS = {  # by model: limits of its own channel, and its jobs
    "fast": ({"rpm": 600}, Batch(2800, model="fast")),
    "slow": ({"rpm": 120}, Batch(560, model="slow")),
    "burst": ({"rpm": 120, "burst": 30}, Batch(560, model="burst")),
    "pictures": ({"ipm": 120}, Batch(240, model="pictures", pictures=(1, 2, 3, 4))),
}
SECONDS, SETTLING, MINUTE = 160.0, 5.0, 60.0
DELAY = "2-4"  # seconds that a call takes
_USED = 0.97  # of the limit, while work waits


def measure(servers: Servers) -> Sequence[Figure]:
    """Measure one worker and four on PostgreSQL, and everything in one process on SQLite."""
    return [
        *_measured(servers, "PostgreSQL, 1 worker", 1),
        *_measured(servers, "PostgreSQL, 4 workers", 4),
        *_measured(servers, "SQLite, `darkroom up`", 0),
    ]


def _measured(servers: Servers, where: str, workers: int) -> list[Figure]:
    with servers.environment() as environment:
        provider = environment.start_practice(
            delay=DELAY, picture="tiny", deliver="images_field", progress="none"
        )
        channels = [
            {
                **{"name": model, "base_url": provider, "api_key": f"practice-{model}", "models": [model]},
                **{**limits, "concurrency": 500},
            }
            for model, (limits, _) in RUNS.items()
        ]
        url = environment.database_url
        if workers:
            environment.start_workers(channels, workers=workers)
        else:
            url, _ = environment.start_embedded(channels)
        insert_backlog(url, [batch for _, batch in RUNS.values()])
        time.sleep(SECONDS)
        load = os.getloadavg()[0]
        calls = calls_at(provider)
    figures = []
    for model, (limits, batch) in RUNS.items():
        times = [
            call["received"]
            for call in calls
            if call["model"] == model
            for _ in range(batch.images_of(call["prompt"]))
        ]
        words = ", ".join(f"{limit} {name}" for name, limit in limits.items())
        even = _USED if limits.keys() == {"rpm"} else None
        figures += _figures(f"{words}, {where}, load {load:.1f}", times, next(iter(limits.values())), even)
    return figures


def _figures(name: str, times: Sequence[float], limit: int, even: float | None) -> list[Figure]:
    """Compare arrivals with the limit; its use is measured after the first seconds.

    ``even``: share of the limit that each window must use; ``None`` for bursts and calls for several images.
    """
    begun, ended = min(times) + SETTLING, max(times)
    used = sum(time >= begun for time in times) / ((ended - begun) / MINUTE)
    least = min_in_window(times, MINUTE, first=begun, last=ended)
    options = {"unit": "", "limit": float(limit), "limited_by": "the limit", "of_limit": True}
    return [
        Figure(f"{name}: fullest 60 s", max_in_window(times, MINUTE), goal=1.0, at_most=True, **options),  # type: ignore[arg-type]
        Figure("  on average per 60 s", used, goal=_USED, **options),  # type: ignore[arg-type]
        Figure("  emptiest 60 s", least, goal=even, **options),  # type: ignore[arg-type]
    ]
