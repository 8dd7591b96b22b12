"""Which alerts hold, by what is known."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from models.operations.alert_rules import AlertFacts, Budget, firing
from models.operations.alerts import ALERTS, AlertName
from tests.worker.leased import NOW

QUIET = AlertFacts(NOW, workers=1)
N = AlertName
M = 1_000_000


def names(**known: Any) -> set[AlertName]:
    return {alert.name for alert in firing(replace(QUIET, **known))}


def test_nothing_holds_on_an_idle_installation() -> None:
    assert firing(QUIET) == []


@pytest.mark.parametrize(
    ("known", "name"),
    [
        ({"due_jobs": 3, "oldest_due": NOW - timedelta(minutes=6)}, N.QUEUE_STALLED),
        ({"due_jobs": 3, "workers": 0}, N.BACKLOG_NO_WORKER),
        ({"stopped_channels": ["one"]}, N.CHANNEL_NEEDS_HUMAN),
        ({"calls": {("one", "permanent"): 3, ("one", "success"): 20}}, N.FAILURE_RATIO),
        ({"spent_hour": {("USD", "success"): 3 * M, ("USD", "no_image"): 1 * M}}, N.MONEY_BURN),
        ({"spent_day": {("USD", "ambiguous"): 1 * M}}, N.WASTE_RATIO),
        (
            {"spent_hour": {("USD", "success"): 4 * M}, "spent_before": {"USD": [M, M, 9 * M]}},
            N.SPEND_ANOMALY,
        ),
        ({"budgets": [Budget("spring", 10 * M, 7 * M, 1 * M)]}, N.BUDGET_FORECAST),
        ({"budgets": [Budget("spring", 10 * M, 10 * M, 0)]}, N.BUDGET_FORECAST),
        ({"unpriced": 1}, N.PRICE_UNKNOWN),
        ({"oldest_webhook": NOW - timedelta(minutes=11)}, N.WEBHOOK_BACKLOG),
        ({"storage_free": 10**9}, N.STORAGE_FULL),
        ({"failing_campaigns": ["spring"]}, N.CAMPAIGN_FAILING),
        ({"held": 1}, N.HELD_JOBS),
        ({"broker_error": "it is read-only"}, N.BROKER_UNUSABLE),
    ],
)
def test_each_alert_holds_for_its_reason_alone(known: dict[str, Any], name: AlertName) -> None:
    assert names(**known) == {name}


@pytest.mark.parametrize(
    "known",
    [
        {"due_jobs": 3, "oldest_due": NOW - timedelta(minutes=4)},
        {"due_jobs": 3, "oldest_due": NOW - timedelta(minutes=6), "calls_lately": 1},
        {"workers": 0},
        {"calls": {("one", "permanent"): 20}},
        {"calls": {("one", "permanent"): 2, ("one", "success"): 20}},
        {"calls": {("one", "retry"): 30, ("one", "success"): 20}},
        {"spent_hour": {("USD", "no_image"): M // 2}},
        {"spent_hour": {("USD", "success"): 4 * M}},
        {"budgets": [Budget("spring", 10 * M, 5 * M, 1 * M)]},
        {"oldest_webhook": NOW - timedelta(minutes=9)},
        {"storage_free": 10**10},
    ],
)
def test_what_is_usual_is_no_alert(known: dict[str, Any]) -> None:
    assert names(**known) == set()


def test_commands_name_what_the_alert_is_about() -> None:
    (alert,) = firing(replace(QUIET, stopped_channels=["one"]))
    assert (alert.inspect, alert.act) == ("darkroom channels show one", "darkroom channels resume one")
    assert set(ALERTS) == set(AlertName)
