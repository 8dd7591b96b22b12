"""What keeps a channel, or a caller's own limits, from starting a call of a model now."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models.queue_status import Reason
from worker.scheduler.channel_capacity import HORIZON, Outlet
from worker.scheduler.fair_queue import Guest

_LIMITS = {
    "rpm": ("calls per minute", "rpm"),
    "window": ("calls per minute", "rpm"),
    "rps": ("calls per second", "rps"),
    "rpd": ("calls per day (UTC)", "rpd"),
    "ipm": ("pictures per minute", "ipm"),
    "spread": ("pictures per minute", "ipm"),
}


@dataclass(frozen=True, slots=True)
class Hindrance:
    """One thing in the way. ``until``: when it is over by itself (``None``: when something happens)."""

    reason: Reason
    detail: str
    until: datetime | None = None


def last_to_end(hindrances: list[Hindrance]) -> Hindrance | None:
    """Return the one that lasts longest of those that end by themselves, else the first."""
    timed = [(each.until, each) for each in hindrances if each.until is not None]
    if timed:
        return max(timed, key=lambda pair: pair[0])[1]
    return hindrances[0] if hindrances else None


def stopped(channel: Any, model: str) -> str | None:
    """Say in words why nothing of this model starts on a channel until a person acts, or ``None``."""
    why = channel.paused_reason or "no reason was given"
    if channel.tripped_at is not None:
        return f"{channel.name} needs a person: {channel.tripped_reason or 'its calls failed'}"
    if channel.draining_at is not None:
        return f"{channel.name} is draining: {why}"
    if channel.paused_at is not None:
        return f"{channel.name} is paused: {why}"
    if model in channel.blocked_models:
        return f"{channel.name} does not do {model} now: {channel.blocked_models[model]}"
    return None


def of_channel(channel: Any, outlet: Outlet, model: str, pictures: int, at: datetime) -> Hindrance | None:
    """Return what keeps a channel that nobody stopped from starting such a call within the gate's horizon."""
    return last_to_end(
        [
            *_cooling(channel, at),
            *_broken(outlet, model, at),
            *_late(channel, outlet, model, pictures, at),
            *_full(channel, outlet, model),
        ]
    )


def of_caller(caller: Any, guest: Guest, pictures: int, at: datetime) -> Hindrance | None:
    """Return what of a caller's own limits keeps its calls from starting."""
    start = guest.pace.next_start(pictures, at)
    if start > at + HORIZON:
        return Hindrance(Reason.RATE_LIMIT, f"Your key's limit of {caller.rpm:g} calls per minute.", start)
    if guest.room is not None and guest.room <= 0:
        busy = caller.concurrency - guest.room
        return Hindrance(
            Reason.CONCURRENCY, f"Your key's limit of {caller.concurrency} calls in flight; {busy} are."
        )
    return None


def _cooling(channel: Any, at: datetime) -> Iterator[Hindrance]:
    until = channel.cooldown_until
    if until is not None and until > at:
        why = channel.cooldown_reason or "its provider asked for it"
        yield Hindrance(Reason.COOLDOWN, f"{channel.name} cools down: {why}", until)


def _broken(outlet: Outlet, model: str, at: datetime) -> Iterator[Hindrance]:
    for name in ("", model):
        breaker = outlet.breakers.get(name)
        if breaker is None or breaker.room(at) != 0:
            continue
        what, why = f"{outlet.name}{f' ({name})' if name else ''}", breaker.reason or "no answer"
        if breaker.state(at) == "open":
            words = f"{what} is left alone after {breaker.failures} failures in a row: {why}"
            yield Hindrance(Reason.COOLDOWN, words, breaker.until)
        else:
            yield Hindrance(Reason.COOLDOWN, f"One call tests whether {what} works again; it failed: {why}")


def _late(channel: Any, outlet: Outlet, model: str, pictures: int, at: datetime) -> Iterator[Hindrance]:
    start = outlet.next_start(model, pictures, at)
    if start <= at + HORIZON:
        return
    of_model, _, kind = (outlet.latest_limit(model, pictures, at) or "rpm").rpartition("/")
    if kind == "rpm" and not of_model and outlet.rpm != channel.rpm:
        rate = f"about {outlet.rpm or 0:.3g} a minute are made now"
        words = f"{channel.name}: the provider refused faster calls; {rate}."
    else:
        unit, setting = _LIMITS[kind]
        limit = channel.rpm if setting == "rpm" and not of_model else channel.limits[of_model][setting]
        words = f"The limit of {channel.name}{f' for {of_model}' if of_model else ''}: {limit:g} {unit}."
    yield Hindrance(Reason.RATE_LIMIT, words, start)


def _full(channel: Any, outlet: Outlet, model: str) -> Iterator[Hindrance]:
    if outlet.room(model) > 0:
        return
    busy = outlet.busy(model)
    limit = (channel.limits.get(model) or {}).get("concurrency")
    if outlet.busy() < outlet.concurrency and limit and busy >= limit:
        words = f"{channel.name} has {busy} of {limit} calls of {model} in flight."
    elif outlet.busy() < outlet.concurrency:
        words = (
            f"{channel.name} takes up its calls slowly, since it is new, was idle or shut; "
            f"{outlet.busy()} are in flight."
        )
    elif outlet.concurrency < channel.concurrency:
        words = (
            f"{channel.name} has {outlet.busy()} calls in flight; the provider refused more, "
            f"{outlet.concurrency} at once are made now."
        )
    else:
        words = f"{channel.name} has {outlet.busy()} of {outlet.concurrency} calls in flight."
    yield Hindrance(Reason.CONCURRENCY, words)
