"""Fair queueing: single jobs, and ten at once, behind 100,000 jobs of another caller."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Any

from bench.backlog import Batch, calls_at, insert_backlog
from bench.figures import Figure
from bench.servers import Environment, Servers
from models.addresses.broker import parse_broker
from tests.support.processes import until
from worker.notifier import Notifier

BACKLOG, FEW, SINGLES = 100_000, 10, 12
SECONDS = 3  # that a call takes
CHANNELS: Mapping[str, Mapping[str, int]] = {
    "300 calls/min": {"rpm": 300, "concurrency": 500},
    "16 calls in flight": {"concurrency": 16},
}
_GOAL = 2.0  # times as long as alone


def measure(servers: Servers) -> Sequence[Figure]:
    """Measure jobs alone, then those of another caller and another campaign behind the backlog."""
    return [figure for name, limits in CHANNELS.items() for figure in _measured(servers, name, limits)]


def _measured(servers: Servers, name: str, limits: Mapping[str, int]) -> list[Figure]:
    with servers.environment() as environment:
        provider = environment.start_practice(
            delay=SECONDS, picture="tiny", deliver="images_field", progress="none"
        )
        channel = {"name": "one", "models": ["*"], "base_url": provider, "api_key": "practice", **limits}
        environment.start_workers([channel], workers=1)
        alone = _times(environment, provider, Batch(FEW, caller="early", prompt="alone"))
        one_alone = _singles(environment, provider, Batch(1, caller="early", prompt="single"))
        insert_backlog(
            environment.database_url,
            [Batch(BACKLOG, caller="crowd", campaign="night", prompt="one of the crowd")],
        )
        time.sleep(4 * SECONDS)
        load = os.getloadavg()[0]
        one = _singles(environment, provider, Batch(1, caller="somebody", prompt="behind"))
        behind = {
            who: _times(environment, provider, batch)
            for who, batch in {
                "another caller": Batch(FEW, caller="newcomer", prompt="newcomer"),
                "another campaign": Batch(FEW, caller="crowd", campaign="day", prompt="newer"),
            }.items()
        }
    return _single_figures(f"1 job behind {BACKLOG:,}, {name}, load {load:.1f}", one, one_alone) + [
        figure
        for who, times in behind.items()
        for figure in _figures(f"{FEW} of {who} behind {BACKLOG:,}, {name}, load {load:.1f}", times, alone)
    ]


def _times(environment: Environment, provider: str, batch: Batch) -> tuple[list[float], list[float]]:
    """Insert jobs; return the seconds until each call started, and until each ended."""
    notifier, begun, known = (
        Notifier(parse_broker(environment.broker_url)),
        time.monotonic(),
        len(calls_at(provider)),
    )
    insert_backlog(environment.database_url, [batch])
    notifier.notify()

    def ended() -> list[Mapping[str, float]]:
        calls = [call for call in calls_at(provider, after=known) if call["prompt"].startswith(batch.prompt)]
        return calls if sum(call["finished"] is not None for call in calls) >= batch.count else []

    calls = until(ended, within=120, what=f"{batch.count} jobs of a newcomer end", every=0.5)
    notifier.close()
    return [call["received"] - begun for call in calls], [call["finished"] - begun for call in calls]


def _singles(environment: Environment, provider: str, batch: Batch) -> list[float]:
    """Insert jobs one after the other; return the seconds that each took."""
    return [
        _times(environment, provider, replace(batch, prompt=f"{batch.prompt} {number}"))[1][0]
        for number in range(SINGLES)
    ]


def _single_figures(name: str, behind: Sequence[float], alone: Sequence[float]) -> list[Figure]:
    options: Mapping[str, Any] = {"limited_by": "alone", "of_limit": True, "at_most": True, "goal": _GOAL}
    return [
        Figure(f"{name}: has ended, median", median(behind), "s", median(alone), **options),
        Figure("  the slowest", max(behind), "s", max(alone), **options),
    ]


def _figures(
    name: str, behind: tuple[list[float], list[float]], alone: tuple[list[float], list[float]]
) -> list[Figure]:
    def figure(what: str, value: float, limit: float, goal: float | None = None) -> Figure:
        return Figure(what, value, "s", limit, "alone", goal=goal, of_limit=True, at_most=True)

    return [
        figure(f"{name}: half have ended", median(behind[1]), median(alone[1]), _GOAL),
        figure("  all have ended", max(behind[1]), max(alone[1]), _GOAL),
        figure("  all have begun", max(behind[0]), max(alone[0])),
    ]
