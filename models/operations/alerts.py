"""Alerts: what is told to operators, how serious it is, and which command looks and which one acts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class AlertName(StrEnum):
    """The alerts. Their pages are in docs/operations.md."""

    QUEUE_STALLED = "queue_stalled"
    BACKLOG_NO_WORKER = "backlog_no_worker"
    CHANNEL_NEEDS_HUMAN = "channel_needs_human"
    FAILURE_RATIO = "failure_ratio"
    MONEY_BURN = "money_burn"
    BUDGET_FORECAST = "budget_forecast"
    SPEND_ANOMALY = "spend_anomaly"
    WASTE_RATIO = "waste_ratio"
    PRICE_UNKNOWN = "price_unknown"
    WEBHOOK_BACKLOG = "webhook_backlog"
    STORAGE_FULL = "storage_full"
    CAMPAIGN_FAILING = "campaign_failing"
    HELD_JOBS = "held_jobs"
    BROKER_UNUSABLE = "broker_unusable"

    @property
    def event(self) -> str:
        """The type of its webhook message."""
        return f"alert.{self.value}"


class Severity(StrEnum):
    """How serious an alert is."""

    PAGE = "page"  #: at once, also in quiet hours
    TICKET = "ticket"  #: in quiet hours, when they end


@dataclass(frozen=True, slots=True)
class Alert:
    """What an alert tells; ``{}`` in a command stands for what it is about."""

    severity: Severity
    inspect: str
    act: str
    lasting: timedelta  #: for so long it holds before it is told


_M = timedelta(minutes=1)
_PAGE, _TICKET = Severity.PAGE, Severity.TICKET
N = AlertName
ALERTS: Mapping[AlertName, Alert] = {
    N.QUEUE_STALLED: Alert(_PAGE, "darkroom channels list", "darkroom doctor", 5 * _M),
    N.BACKLOG_NO_WORKER: Alert(_PAGE, "darkroom doctor", "darkroom work", 2 * _M),
    N.CHANNEL_NEEDS_HUMAN: Alert(_PAGE, "darkroom channels show {}", "darkroom channels resume {}", 0 * _M),
    N.FAILURE_RATIO: Alert(
        _TICKET, "darkroom jobs list --status failed", "darkroom channels pause {}", 10 * _M
    ),
    N.MONEY_BURN: Alert(_TICKET, "darkroom costs --by channel", "darkroom channels pause NAME", 10 * _M),
    N.BUDGET_FORECAST: Alert(
        _TICKET, "darkroom costs --by campaign", "darkroom keys limit NAME --budget AMOUNT", 0 * _M
    ),
    N.SPEND_ANOMALY: Alert(_TICKET, "darkroom costs --by campaign", "darkroom channels pause NAME", 10 * _M),
    N.WASTE_RATIO: Alert(_TICKET, "darkroom costs --by model", "darkroom channels pause NAME", 10 * _M),
    N.PRICE_UNKNOWN: Alert(_TICKET, "darkroom costs --by model", "darkroom prices list", 0 * _M),
    N.WEBHOOK_BACKLOG: Alert(_TICKET, "darkroom webhooks list", "darkroom webhooks test ID", 5 * _M),
    N.STORAGE_FULL: Alert(
        _PAGE, "darkroom storage check", "darkroom retention set --caller NAME pictures=30d", 0 * _M
    ),
    N.CAMPAIGN_FAILING: Alert(_TICKET, "darkroom campaigns list", "darkroom campaigns resume {}", 0 * _M),
    N.HELD_JOBS: Alert(_TICKET, "darkroom jobs held", "darkroom jobs release ID", 10 * _M),
    N.BROKER_UNUSABLE: Alert(_TICKET, "darkroom doctor", "redis-cli ping", 5 * _M),
}
"""The alerts, each with its commands."""


@dataclass(frozen=True, slots=True)
class FiringAlert:
    """An alert that holds now."""

    name: AlertName
    subject: str  #: what it is about: a channel, a campaign, a currency; empty: the installation
    summary: str  #: one sentence

    @property
    def inspect(self) -> str:
        """The command that looks."""
        return ALERTS[self.name].inspect.replace("{}", self.subject)

    @property
    def act(self) -> str:
        """The command that acts."""
        return ALERTS[self.name].act.replace("{}", self.subject)
