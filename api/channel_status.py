"""Status of channels, as the API and the command line show it: state, limits, breakers, recent calls."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from models.channels import RoutingPolicy, RoutingRule, policy_of
from models.clock import rfc3339
from models.ids import public_id
from models.money.money import amount_text
from models.queries.call_stats import count_starts, newest_calls, not_understood
from models.queries.channels import list_channels
from models.queries.dashboard.combined_reads import Read, read_together
from models.queries.leases import calls_in_flight
from worker.scheduler.channel_capacity import ChannelCapacity, ClosedBy, InFlight, closed_by, in_flight_on
from worker.scheduler.channel_results import ChannelResult, read_results

_SAMPLE_AGE = timedelta(minutes=10)
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)


class ChannelState(StrEnum):
    """What a channel does now: the first of these that applies."""

    UNUSED = "unused"  #: the settings do not name it any more, or disable it
    TRIPPED = "tripped"  #: nothing starts until a person acts: key, balance, configuration
    DRAINING = "draining"  #: nothing starts; what was started goes on
    DRAINED = "drained"  #: nothing starts, and nothing is in flight any more
    PAUSED = "paused"  #: nothing starts until it is resumed
    COOLING = "cooling"  #: nothing starts until the end of a cool-down
    BREAKER_OPEN = "breaker_open"  #: it failed too often; nothing starts for a while
    HALF_OPEN = "half_open"  #: one call at a time tests whether it works again
    OPEN = "open"  #: calls start as limits allow


@dataclass(frozen=True, slots=True)
class RecentCalls:
    """Recent calls: started in the last minute; of the newest, those that ended and that succeeded."""

    started: int = 0
    ended: int = 0
    succeeded: int = 0

    @property
    def success_rate(self) -> float | None:
        """The share that succeeded; ``None`` without a call that ended."""
        return round(self.succeeded / self.ended, 3) if self.ended else None


async def read_channel_views(
    connection: AsyncConnection,
    at: datetime,
    *,
    rules: Sequence[RoutingRule] | None = None,
    only: str | None = None,
) -> list[dict[str, Any]]:
    """Return all channels, or the one named ``only``, as JSON.

    With ``rules``, the policies of models, what routing compares is measured.
    """
    calls, channels = await read_together(connection, calls_in_flight, list_channels)
    rows = [row for row in channels if only in (None, row.name)]
    measured = [] if rules is None else [row.name for row in rows]
    results = await read_results(connection, measured, at)
    reads = [read for row in rows for read in _reads_of(row.name, at)]
    lately = iter(await read_together(connection, *reads))
    return [
        {
            **_view(row, in_flight_on(row.id, calls), _recent(newest, started), at),
            "routing": {
                model: _routing(policy_of(rules or (), model), result)
                for (channel, model), result in results.items()
                if channel == row.name
            },
            "not_understood": _not_understood(unknown),
        }
        for row, newest, started, unknown in zip(rows, lately, lately, lately, strict=True)
    ]


def _reads_of(name: str, at: datetime) -> tuple[Read, Read, Read]:
    """Return the reads of a channel's newest calls, of how many started, and of answers not understood."""
    return (
        partial(newest_calls, channel=name, since=at - _SAMPLE_AGE),
        partial(count_starts, channel=name, since=at - _MINUTE),
        partial(not_understood, channel=name, since=at - _DAY),
    )


def _routing(policy: RoutingPolicy, result: ChannelResult) -> dict[str, Any]:
    """Return the policy of a model, and what the channel's calls of it came to."""
    cost, seconds = result.picture_micro, result.p50_seconds
    return {
        "policy": policy.value,
        "calls": result.calls,
        "cost_per_picture": None if cost is None else amount_text(round(cost)),
        "currency": result.currency,
        "p50_seconds": None if seconds is None else round(seconds, 2),
        "reliability": round(result.reliability, 3),
    }


def _not_understood(jobs: Sequence[UUID]) -> dict[str, Any]:
    """Return how many answers no rule understood, with the command that explains the latest."""
    latest = public_id("job", jobs[0]) if jobs else None
    return {"answers": len(jobs), "explain": f"darkroom jobs explain {latest}" if latest else None}


def _recent(newest: Sequence[Any], started: int) -> RecentCalls:
    outcomes = Counter(call.outcome for call in newest if call.outcome is not None)
    return RecentCalls(started, outcomes.total(), outcomes["success"])


def _view(row: Any, in_flight: InFlight, recent: RecentCalls, at: datetime) -> dict[str, Any]:
    channel = ChannelCapacity(row, in_flight, at)
    state, detail = channel_state(row, channel, in_flight, at)
    return {
        "name": row.name,
        "object": "channel",
        "state": state.value,
        "detail": detail,
        "configured": row.configured,
        "models": row.models,
        "order": row.tier,
        "weight": row.weight,
        **_limits(row, channel),
        "rate_now": recent.started,
        "in_flight": in_flight.total,
        "in_flight_by_model": dict(in_flight.by_model),
        **{name: _time(getattr(row, name)) for name in _TIMES},
        **{name: getattr(row, name) for name in _TEXTS},
        "learned_models": _learned_models(channel),
        "breakers": _breakers(channel, at),
        "recent": {"calls": recent.ended, "succeeded": recent.succeeded, "share": recent.success_rate},
        "last_error": row.last_error,
    }


_TIMES = (
    "paused_at",
    "paused_until",
    "draining_at",
    "tripped_at",
    "cooldown_until",
    "next_start_at",
    "updated_at",
)
_TEXTS = ("paused_reason", "paused_by", "tripped_reason", "cooldown_reason", "blocked_models")


def _limits(row: Any, channel: ChannelCapacity) -> dict[str, Any]:
    learned = channel.rpm if channel.rpm != row.rpm else None
    return {
        "rpm": row.rpm,
        "concurrency": row.concurrency,
        "limits": row.limits.get("", {}),
        "model_limits": {model: limits for model, limits in row.limits.items() if model},
        "learned_rpm": None if learned is None else round(learned, 2),
        "learned_concurrency": channel.concurrency if channel.concurrency < row.concurrency else None,
    }


def _learned_models(channel: ChannelCapacity) -> dict[str, dict[str, Any]]:
    """Return as JSON what was learned of single models, and their cool-downs."""
    found = {}
    for model in channel.learned_models:
        cooldown, rpm = channel.model_cooldown(model), channel.model_rpm(model)
        found[model] = {
            "rpm": None if rpm is None else round(rpm, 2),
            "concurrency": channel.model_concurrency(model),
            "cooldown_until": cooldown and _time(cooldown.until),
            "cooldown_reason": cooldown and cooldown.detail,
        }
    return found


def channel_state(
    row: Any, channel: ChannelCapacity, in_flight: InFlight, at: datetime
) -> tuple[ChannelState, str | None]:
    """Return the state, and why, in words."""
    if not row.configured:
        return ChannelState.UNUSED, "the settings do not name it"
    match closed_by(row, "", at):
        case ClosedBy.TRIPPED:
            return ChannelState.TRIPPED, row.tripped_reason
        case ClosedBy.DRAINING:
            return ChannelState.DRAINING if in_flight.total else ChannelState.DRAINED, _pause_words(row)
        case ClosedBy.PAUSED:
            return ChannelState.PAUSED, _pause_words(row)
        case ClosedBy.COOLING:
            return ChannelState.COOLING, f"until {rfc3339(row.cooldown_until)}: {row.cooldown_reason or ''}"
    breaker = channel.breakers.get("")
    if breaker is not None and breaker.until is not None:
        if breaker.state(at) == "open":
            return ChannelState.BREAKER_OPEN, f"until {rfc3339(breaker.until)}: {breaker.reason or ''}"
        return ChannelState.HALF_OPEN, f"one call tests it; it failed: {breaker.reason or ''}"
    return ChannelState.OPEN, _closed_models(row, channel, at)


def _pause_words(row: Any) -> str | None:
    """Return why a channel is paused or drained, in words, with the time at which that ends by itself."""
    reason: str | None = row.paused_reason
    return reason if row.paused_until is None else f"until {rfc3339(row.paused_until)}: {reason or ''}"


def _closed_models(row: Any, channel: ChannelCapacity, at: datetime) -> str | None:
    """Return which models an open channel does not take now, in words."""
    blocked = [f"{model}: {why}" for model, why in row.blocked_models.items()]
    broken = [
        f"{model}: {breaker.reason or 'it fails'}"
        for model, breaker in channel.breakers.items()
        if model and breaker.state(at) != "closed"
    ]
    cooling = [cause.detail for model in channel.learned_models if (cause := channel.model_cooldown(model))]
    without = [f"without {'; '.join(blocked + broken)}"] if blocked or broken else []
    return "; ".join(without + cooling) or None


def _breakers(channel: ChannelCapacity, at: datetime) -> dict[str, dict[str, Any]]:
    """Return breakers by model (``""``: the whole channel) as JSON; a closed one counts failures in a row."""
    return {
        model: {
            "state": breaker.state(at),
            "failures": breaker.failures,
            "until": _time(breaker.until),
            "reason": breaker.reason,
        }
        for model, breaker in channel.breakers.items()
    }


def _time(value: datetime | None) -> str | None:
    return None if value is None else rfc3339(value)
