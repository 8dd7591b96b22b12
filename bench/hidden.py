"""Hidden rate limits, over real processes: share used, and calls refused while the rate is learned."""

import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from bench.backlog import Batch, calls_at, insert_backlog
from bench.figures import Figure
from bench.servers import Environment, Servers
from tests.support.processes import Process

RPM, MINUTE = 120, 60.0
MINUTES, LEARNED, RESTART = 8, 5, 6  # duration; start of the goals; restart of the workers
DELAY = "2-4"  # seconds that a call takes
_FEW, _MANY = 16, 200  # calls in flight that a channel may have
_USED, _REFUSED = 0.85, 2.0  # share of the limit; percent of the calls


def measure(servers: Servers) -> Sequence[Figure]:
    """Measure four channels at once: with and without Retry-After, with low and high concurrency."""
    with servers.environment() as environment:
        providers = {announce: _provider(environment, announce) for announce in ("retry_after", "nothing")}
        channels = [
            {
                **{"name": f"{announce}-{most}", "models": [f"{announce}-{most}"], "concurrency": most},
                **{"base_url": url, "api_key": f"practice-{most}"},
            }
            for announce, url in providers.items()
            for most in (_FEW, _MANY)
        ]
        names = [str(channel["name"]) for channel in channels]
        workers = environment.start_workers(channels, workers=2)
        begun = time.monotonic()
        insert_backlog(environment.database_url, [Batch(RPM * (MINUTES + 2), model=name) for name in names])
        _restart(workers, at=begun + RESTART * MINUTE)
        time.sleep(max(begun + MINUTES * MINUTE - time.monotonic(), 0))
        calls = [call for url in providers.values() for call in calls_at(url)]
    load = os.getloadavg()[0]
    return [figure for name in names for figure in _figures(name, _minutes(calls, name, begun), load)]


def _provider(environment: Environment, announce: str) -> str:
    url = environment.start_practice(delay=DELAY, picture="tiny", deliver="images_field", progress="none")
    conditions = {"rpm": RPM, "announce": announce}
    httpx.post(f"{url}/practice/weather", json=conditions, trust_env=False).raise_for_status()
    return url


def _restart(workers: Sequence[Process], *, at: float) -> None:
    """Restart one worker after the other: the learned rate must survive."""
    time.sleep(max(at - time.monotonic(), 0))
    for worker in workers:
        worker.stop(within=60)
        worker.start()
        worker.wait_ready(lambda: True)


def _minutes(calls: Sequence[Mapping[str, Any]], model: str, begun: float) -> list[tuple[int, int]]:
    """Return accepted and refused calls, minute by minute."""
    counts = [[0, 0] for _ in range(MINUTES)]
    for call in calls:
        minute = int((call["received"] - begun) / MINUTE)
        if call["model"] == model and minute < MINUTES:
            counts[minute][call["outcome"] == "limited"] += 1
    return [(result, refused) for result, refused in counts]


def _figures(name: str, minutes: Sequence[tuple[int, int]], load: float) -> list[Figure]:
    announce, most = name.rsplit("-", 1)
    reply = "with Retry-After" if announce == "retry_after" else "without Retry-After"
    print(f"{reply}, {most} in flight at most; accepted+refused: {' '.join(f'{a}+{r}' for a, r in minutes)}")
    late = minutes[LEARNED:]
    used = sum(result for result, _ in late) / len(late)
    options: Mapping[str, Any] = {"limit": float(RPM), "limited_by": "hidden", "of_limit": True}
    where = f"hidden {RPM}/min, {reply}, {most} at once, load {load:.1f}"
    return [
        Figure(f"{where}: used after minute {LEARNED}", used, "calls/min", goal=_USED, **options),
        Figure(f"  refused after minute {LEARNED}", _percent(late), "%", goal=_REFUSED, at_most=True),
        Figure("  refused over all", _percent(minutes), "%"),
    ]


def _percent(minutes: Sequence[tuple[int, int]]) -> float:
    refused = sum(refused for _, refused in minutes)
    return 100 * refused / max(sum(result for result, _ in minutes) + refused, 1)
