"""Routing by policy: where the calls go, what a picture costs, and how long a call takes."""

import os
import time
from collections.abc import Sequence
from statistics import median

import httpx
import psycopg

from bench.backlog import Batch, insert_backlog
from bench.figures import Figure
from bench.servers import Environment, Servers
from models.addresses.broker import parse_broker
from tests.support.processes import until
from worker.notifier import Notifier

#: by channel: seconds of a call, share of calls that fail, US dollars of a call
CHANNELS = {"cheap": (1.5, 0.1, 0.01), "quick": (0.3, 0.2, 0.05), "sure": (1.0, 0.0, 0.03)}
WANTED = {"order": None, "cheapest": "cheap", "fastest": "quick", "most_reliable": "sure"}
JOBS, LEARNED_FROM, CONCURRENCY = 200, 60, 10
_REFRESH = 21.0  # seconds after which workers have read the results of these calls
_GOAL = 0.85  # of the calls go to the channel that a policy is for; 5 % explore


def measure(servers: Servers) -> Sequence[Figure]:
    """Send the same jobs by each policy."""
    return [figure for policy in WANTED for figure in _measured(servers, policy)]


def _measured(servers: Servers, policy: str) -> Sequence[Figure]:
    with servers.environment() as environment:
        channels = [_channel(environment, name) for name in CHANNELS]
        environment.start_workers(channels, workers=1, routing=f"*={policy}", worker_slots=3 * CONCURRENCY)
        _run(environment, LEARNED_FROM, "first")
        time.sleep(_REFRESH)
        load = os.getloadavg()[0]
        _run(environment, JOBS, "then")
        calls = _calls(environment)
    made = [(channel, seconds, cost) for channel, seconds, cost, outcome in calls if outcome == "success"]
    spent = sum(cost for *_, cost, _ in calls) / len(made)
    where = ", ".join(f"{name} {_share(calls, name):.0%}" for name in CHANNELS)
    name = f"{policy}, load {load:.1f}: {where}"
    wanted = WANTED[policy]
    return [
        Figure(
            name,
            _share(calls, wanted) if wanted else 0.0,
            "of the calls" if wanted else "(no channel is preferred)",
            goal=_GOAL if wanted else None,
        ),
        Figure("  a made picture", 1000 * spent, "thousandths of a dollar"),
        Figure("  a call that made one, p50", median(seconds for _, seconds, _ in made), "s"),
        Figure("  calls that failed", 1 - len(made) / len(calls), "of the calls"),
    ]


def _channel(environment: Environment, name: str) -> dict[str, object]:
    delay, failing, price = CHANNELS[name]
    provider = environment.start_practice(
        delay=delay, picture="tiny", deliver="images_field", progress="none"
    )
    if failing:
        conditions = {"fail": "500", "share": failing}
        httpx.post(f"{provider}/practice/weather", json=conditions, trust_env=False).raise_for_status()
    return {
        "name": name,
        "models": ["*"],
        "base_url": provider,
        "api_key": "practice",
        "concurrency": 3 * CONCURRENCY,
        "prices": {"*": {"per_call": price}},
    }


def _run(environment: Environment, count: int, prompt: str) -> None:
    """Insert jobs and wait for their ends; at most ``CONCURRENCY`` are under way."""
    notifier = Notifier(parse_broker(environment.broker_url))
    for start in range(0, count, CONCURRENCY):
        batch = Batch(CONCURRENCY, prompt=f"{prompt} {start}")
        insert_backlog(environment.database_url, [batch])
        notifier.notify()
        until(
            lambda: (
                not environment.count(
                    "SELECT 1 FROM jobs WHERE status NOT IN ('succeeded', 'failed') LIMIT 1"
                )
            ),
            within=120,
            what="the jobs end",
            every=0.1,
        )
    notifier.close()


def _calls(environment: Environment) -> Sequence[tuple[str, float, float, str]]:
    """Return channel, seconds, dollars and outcome of the calls after those that were learned from."""
    with psycopg.connect(environment.database_url) as connection:
        return connection.execute(
            "SELECT a.channel, extract(epoch FROM a.finished_at - a.sent_at)::float8,"
            " coalesce(a.cost_micro, 0) / 1e6::float8, a.outcome"
            " FROM attempts a JOIN jobs j ON j.id = a.job_id WHERE j.prompt LIKE 'then%'"
        ).fetchall()


def _share(calls: Sequence[tuple[str, float, float, str]], channel: str | None) -> float:
    return sum(call[0] == channel for call in calls) / len(calls)
