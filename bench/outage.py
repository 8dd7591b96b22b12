"""After an outage: time until the queue is drained, and the calls per second meanwhile."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from bench.backlog import calls_at
from bench.campaign import submit
from bench.figures import Figure
from bench.servers import Environment, Servers
from tests.support.processes import until

JOBS, SLOTS, SECONDS = 2_000, 200, 2.0
BEFORE, OUTAGE = 5.0, 20.0  # seconds of normal operation, then of outage
_RATE = SLOTS / SECONDS  # calls per second at full concurrency
_UNEVEN = 2.0  # times that rate, at most, in any second
_OUTAGES: Mapping[str, Mapping[str, Any]] = {
    "answers 500": {"fail": "500"},
    "answers 503 with Retry-After": {"fail": "503"},
    "refuses connections": {"refuse": True},
}
_OPEN = "SELECT 1 FROM jobs WHERE status IN ('queued','leased','running','storing') LIMIT 1"


def measure(servers: Servers) -> Sequence[Figure]:
    """Let the provider fail for a while, in each of three ways."""
    figures: list[Figure] = []
    for name, conditions in _OUTAGES.items():
        with servers.environment() as environment:
            figures += _figures(name, environment, conditions)
    return figures


def _figures(name: str, environment: Environment, conditions: Mapping[str, Any]) -> list[Figure]:
    url = environment.start_practice(delay=SECONDS, picture="tiny", deliver="images_field", progress="none")
    environment.start_worker(url, slots=SLOTS)
    submit(environment, JOBS)
    time.sleep(BEFORE)
    body = {**conditions, "seconds": OUTAGE}
    httpx.post(f"{url}/practice/weather", json=body, trust_env=False).raise_for_status()
    time.sleep(OUTAGE)
    over = time.monotonic()
    left = environment.count("SELECT count(*) FROM jobs WHERE status IN ('queued','leased','running')")
    until(lambda: not environment.count(_OPEN), within=300, what="all jobs end", every=0.2)
    drained = time.monotonic() - over
    starts = sorted(call["received"] for call in calls_at(url) if call["received"] >= over)
    print(f"{name}: calls by second: {' '.join(map(str, _by_second(starts, over)))}")
    failed = environment.count("SELECT count(*) FROM jobs WHERE status <> 'succeeded'")
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
