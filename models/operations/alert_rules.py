"""Alert rules: which alerts hold, by what is known of an installation. Pure; the same as in rules.yml."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import median

from models.operations.alerts import AlertName, FiringAlert

_STALLED = timedelta(minutes=5)
_BACKLOG = timedelta(minutes=10)
_LEAST_CALLS = 20  # of a channel in ten minutes, before their failures are a share
_FAILURES = 0.1
_WASTE = 0.2
_ANOMALY = 3
_FORECAST = 4  # hours
_LEAST_FREE = 2 * 10**9  # bytes
_MILLION = 1_000_000
_FAILED = frozenset({"permanent", "no_image", "needs_human", "ambiguous"})
N = AlertName


@dataclass(frozen=True, slots=True)
class Budget:
    """What may be spent on something, in millionths of a currency, and how fast it is."""

    subject: str
    limit: int
    spent: int
    last_hour: int


@dataclass(frozen=True, slots=True)
class AlertFacts:
    """What the rules look at."""

    at: datetime
    due_jobs: int = 0  #: that may start
    oldest_due: datetime | None = None
    calls_lately: int = 0  #: that were sent in the last five minutes, or are in flight
    workers: int = 0  #: that live
    stopped_channels: Sequence[str] = ()  #: until a person looks
    calls: Mapping[tuple[str, str], int] = field(default_factory=dict)  #: of ten minutes, by channel, outcome
    spent_hour: Mapping[tuple[str, str], int] = field(default_factory=dict)  #: by currency, outcome
    spent_day: Mapping[tuple[str, str], int] = field(default_factory=dict)
    spent_before: Mapping[str, Sequence[int]] = field(default_factory=dict)  #: this hour of earlier days
    budgets: Sequence[Budget] = ()
    unpriced: int = 0
    oldest_webhook: datetime | None = None
    storage_free: int | None = None
    failing_campaigns: Sequence[str] = ()
    held: int = 0
    broker_error: str | None = None


def firing(facts: AlertFacts) -> list[FiringAlert]:
    """Return the alerts that hold."""
    return [*_queues(facts), *_channels(facts), *_money(facts), *_rest(facts)]


def _queues(facts: AlertFacts) -> Iterator[FiringAlert]:
    waited = facts.at - facts.oldest_due if facts.oldest_due else timedelta()
    if facts.due_jobs and not facts.workers:
        yield FiringAlert(N.BACKLOG_NO_WORKER, "", f"{facts.due_jobs:,} jobs may start, and no worker lives.")
    elif facts.due_jobs and waited > _STALLED and not facts.calls_lately:
        minutes = int(waited.total_seconds() // 60)
        words = f"{facts.due_jobs:,} jobs may start, the oldest for {minutes} minutes, and no call is made."
        yield FiringAlert(N.QUEUE_STALLED, "", words)


def _channels(facts: AlertFacts) -> Iterator[FiringAlert]:
    for name in facts.stopped_channels:
        words = f"The channel {name} is stopped until a person looks: key, balance or configuration."
        yield FiringAlert(N.CHANNEL_NEEDS_HUMAN, name, words)
    for channel in sorted({channel for channel, _ in facts.calls}):
        ended = {outcome: count for (name, outcome), count in facts.calls.items() if name == channel}
        total, failed = sum(ended.values()), sum(ended.get(outcome, 0) for outcome in _FAILED)
        if total > _LEAST_CALLS and failed > _FAILURES * total:
            words = f"{failed:,} of {total:,} calls to {channel} failed in ten minutes."
            yield FiringAlert(N.FAILURE_RATIO, channel, words)


def _money(facts: AlertFacts) -> Iterator[FiringAlert]:
    yield from _wasted(facts.spent_hour, N.MONEY_BURN, "the last hour")
    yield from _wasted(facts.spent_day, N.WASTE_RATIO, "the last day")
    for currency in sorted({currency for currency, _ in facts.spent_hour}):
        now = sum(micro for (name, _), micro in facts.spent_hour.items() if name == currency)
        usual = median(facts.spent_before.get(currency) or [0])
        if usual and now > _ANOMALY * usual:
            words = f"The last hour cost {now / _MILLION:.2f} {currency}, {now / usual:.1f} times as usual."
            yield FiringAlert(N.SPEND_ANOMALY, currency, words)
    for budget in facts.budgets:
        left = budget.limit - budget.spent
        if left <= 0:
            yield FiringAlert(
                N.BUDGET_FORECAST, budget.subject, f"The budget of {budget.subject} is used up."
            )
        elif budget.last_hour and left < _FORECAST * budget.last_hour:
            hours = left / budget.last_hour
            words = f"At the rate of the last hour the budget of {budget.subject} lasts {hours:.1f} hours."
            yield FiringAlert(N.BUDGET_FORECAST, budget.subject, words)
    if facts.unpriced:
        words = f"{facts.unpriced:,} calls of the last day were charged, and no price is known."
        yield FiringAlert(N.PRICE_UNKNOWN, "", words)


def _wasted(spent: Mapping[tuple[str, str], int], name: AlertName, when: str) -> Iterator[FiringAlert]:
    for currency in sorted({currency for currency, _ in spent}):
        total = sum(micro for (each, _), micro in spent.items() if each == currency)
        wasted = total - spent.get((currency, "success"), 0)
        if total >= _MILLION and wasted > _WASTE * total:
            words = (
                f"{wasted / total:.0%} of the {total / _MILLION:.2f} {currency} of {when} made no picture."
            )
            yield FiringAlert(name, currency, words)


def _rest(facts: AlertFacts) -> Iterator[FiringAlert]:
    if facts.oldest_webhook and facts.at - facts.oldest_webhook > _BACKLOG:
        yield FiringAlert(N.WEBHOOK_BACKLOG, "", "A webhook message has not been accepted for ten minutes.")
    if facts.storage_free is not None and facts.storage_free < _LEAST_FREE:
        words = f"{facts.storage_free / 10**9:.1f} GB are left for pictures."
        yield FiringAlert(N.STORAGE_FULL, "", words)
    for name in facts.failing_campaigns:
        words = f"The campaign {name} has paused itself: too many of its items failed."
        yield FiringAlert(N.CAMPAIGN_FAILING, name, words)
    if facts.held:
        waiting = "1 job waits" if facts.held == 1 else f"{facts.held:,} jobs wait"
        words = f"{waiting} for a person's decision; a call may have been charged."
        yield FiringAlert(N.HELD_JOBS, "", words)
    if facts.broker_error:
        yield FiringAlert(N.BROKER_UNUSABLE, "", f"The broker carries no messages: {facts.broker_error}")
