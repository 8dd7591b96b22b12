"""After an outage: how soon the queue is drained, and how evenly the provider is met."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from bench.backlog import calls_at
from bench.campaign import submit
from bench.figures import Figure
from bench.stage import Scene, Stage
from tests.support.processes import until

JOBS, SLOTS, SECONDS = 2_000, 200, 2.0
BEFORE, OUTAGE = 5.0, 20.0  # seconds of fair weather, then of outage
_RATE = SLOTS / SECONDS  # calls per second that the channel can do
_UNEVEN = 2.0  # times that rate: what any second may hold at most
_WEATHERS: Mapping[str, Mapping[str, Any]] = {
    "answers 500": {"fail": "500"},
    "says 503, come again in a second": {"fail": "503"},
    "refuses connections": {"refuse": True},
}
_OPEN = "SELECT 1 FROM jobs WHERE status IN ('queued','leased','running','storing') LIMIT 1"


def measure(stage: Stage) -> Sequence[Figure]:
    """Let a provider fail for a while in the middle of its work."""
    figures: list[Figure] = []
    for name, weather in _WEATHERS.items():
        with stage.set_up() as scene:
            figures += _figures(name, scene, weather)
    return figures


def _figures(name: str, scene: Scene, weather: Mapping[str, Any]) -> list[Figure]:
    url = scene.practice(delay=SECONDS, picture="tiny", deliver="images_field", progress="none")
    scene.work(url, slots=SLOTS)
    submit(scene, JOBS)
    time.sleep(BEFORE)
    body = {**weather, "seconds": OUTAGE}
    httpx.post(f"{url}/practice/weather", json=body, trust_env=False).raise_for_status()
    time.sleep(OUTAGE)
    over = time.monotonic()
    left = scene.count("SELECT count(*) FROM jobs WHERE status IN ('queued','leased','running')")
    until(lambda: not scene.count(_OPEN), within=300, what="all jobs end", every=0.2)
    drained = time.monotonic() - over
    starts = sorted(call["received"] for call in calls_at(url) if call["received"] >= over)
    print(f"{name}: calls by second: {' '.join(map(str, _by_second(starts, over)))}")
    failed = scene.count("SELECT count(*) FROM jobs WHERE status <> 'succeeded'")
    return [
        Figure(f"{OUTAGE:g} s outage ({name}): {left:,} jobs drained", drained, "s", left / _RATE, "no wait"),
        Figure(
            "  calls in its fullest second afterwards",
            max(_within_a_second(starts), default=0),
            "calls",
            _RATE,
            "calls in flight",
            goal=_UNEVEN,
            of_limit=True,
            at_most=True,
        ),
        Figure("  jobs that did not succeed", failed, "jobs", goal=0, at_most=True),
    ]


def _by_second(starts: Sequence[float], since: float) -> list[int]:
    counts = [0] * (int(max(starts, default=since) - since) + 1)
    for start in starts:
        counts[int(start - since)] += 1
    return counts


def _within_a_second(starts: Sequence[float]) -> list[int]:
    """Return, for each start, how many came in the second that ends with it."""
    counts, first = [], 0
    for last, start in enumerate(starts):
        while start - starts[first] >= 1:
            first += 1
        counts.append(last - first + 1)
    return counts
