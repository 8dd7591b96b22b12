"""Channels as tables."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from api.cli.output import shortened, status_text
from api.cli.render.times import age, shown_time

CHANNEL_COLUMNS = ("NAME", "STATE", "MODELS", "ORDER", "PER MINUTE", "IN FLIGHT", "OK", "DETAIL")
OPTIONAL_COLUMNS = ("ORDER", "OK", "MODELS")  #: left out of a table where there is no room for them
View = Mapping[str, Any]


def channel_cells(view: View, at: datetime) -> tuple[Any, ...]:
    """Return one channel as a row of a table."""
    share = view["recent"]["share"]
    return (
        view["name"],
        status_text(_words(view["state"])),
        shortened(", ".join(view["models"]), 30),
        _order(view),
        _rate(view),
        _in_flight(view),
        "" if share is None else f"{share:.0%}",
        view["detail"] or _last_error(view, at),
    )


def channel_view(view: View, at: datetime) -> Table:
    """Return one channel as a list of facts."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim")
    facts.add_column(overflow="fold")
    for name, value in _facts(view, at):
        facts.add_row(name, value if isinstance(value, Text) else Text(str(value)))
    return facts


def _facts(view: View, at: datetime) -> Iterator[tuple[str, Any]]:
    yield "name", view["name"]
    yield "state", status_text(_words(view["state"]))
    if view["detail"]:
        yield "why", view["detail"]
    yield "models", ", ".join(view["models"])
    yield "order", _order(view)
    yield "calls per minute", _rate(view)
    yield "in flight", _in_flight(view)
    yield from _limits(view)
    yield from _closed(view)
    recent = view["recent"]
    if recent["calls"]:
        yield "last 10 minutes", f"{recent['succeeded']} of {recent['calls']} calls succeeded"
    for model, routed in view["routing"].items():
        yield f"routing {model}", _routing(routed)
    if unread := view["not_understood"]["answers"]:
        answers = "1 answer" if unread == 1 else f"{unread} answers"
        yield "not understood", f"{answers} in 24 hours: {view['not_understood']['explain']}"
    if error := _last_error(view, at):
        yield "last error", error.removeprefix("last error ")


def _limits(view: View) -> Iterator[tuple[str, str]]:
    """Yield the limits other than rate and concurrency, and what was learned."""
    whole = {name: value for name, value in view["limits"].items() if name != "burst" or value != 1}
    for where, limits in (("limits", whole), *view["model_limits"].items()):
        if limits:
            yield where, ", ".join(f"{name} {value:g}" for name, value in limits.items())
    if view["learned_rpm"] is not None:
        yield (
            "learned",
            f"the provider refused a higher rate; {view['learned_rpm']:g} calls a minute are made",
        )
    if view["learned_concurrency"] is not None:
        yield "learned", f"the provider refused more concurrent calls; {view['learned_concurrency']} are made"
    for model, learned in view["learned_models"].items():
        known = [f"{learned['rpm']:g} calls a minute are made"] if learned["rpm"] is not None else []
        if learned["cooldown_until"]:
            known.append(f"until {shown_time(learned['cooldown_until'])}: {learned['cooldown_reason']}")
        if known:
            yield f"learned {model}", "; ".join(known)
    for model, count in view["in_flight_by_model"].items():
        yield f"  {model}", f"{count} in flight"


def _closed(view: View) -> Iterator[tuple[str, str]]:
    """Yield every reason that keeps calls from starting, not only the first."""
    by = f" by {view['paused_by']}" if view.get("paused_by") else ""
    until = f" until {shown_time(view['paused_until'])}" if view.get("paused_until") else ""
    for name in ("paused_at", "draining_at"):
        if view[name]:
            words = f"since {shown_time(view[name])}{until}{by}: {view['paused_reason'] or ''}"
            yield name.removesuffix("_at"), words
    if view["tripped_at"]:
        yield "tripped", f"since {shown_time(view['tripped_at'])}: {view['tripped_reason'] or ''}"
    if view["state"] == "cooling":
        yield "cools down", f"until {shown_time(view['cooldown_until'])}: {view['cooldown_reason'] or ''}"
    for model, breaker in view["breakers"].items():
        until = f" until {shown_time(breaker['until'])}" if breaker["until"] else ""
        words = f"{_words(breaker['state'])}{until}, {breaker['failures']} failures in a row"
        yield f"breaker {model}".rstrip(), f"{words}: {breaker['reason'] or ''}"
    for model, reason in view["blocked_models"].items():
        yield f"not {model}", reason


def _routing(routed: Mapping[str, Any]) -> str:
    """Return the policy of a model, and what it compares: fastest: 0.03 CNY a picture, 12.5 s, 97 %."""
    parts = [f"{routed['reliability']:.0%} of {routed['calls']} calls"]
    if routed["p50_seconds"] is not None:
        parts.insert(0, f"{routed['p50_seconds']:g} s (p50)")
    if routed["cost_per_picture"] is not None:
        parts.insert(0, f"{routed['cost_per_picture']} {routed['currency'] or ''}".rstrip() + " a picture")
    return f"{_words(routed['policy'])}: {', '.join(parts)}"


def _rate(view: View) -> str:
    """Return the calls of the last minute beside the limit: 12 of 45 (learned; 60 set)."""
    now, limit, learned = view["rate_now"], view["rpm"], view["learned_rpm"]
    if learned is not None:
        return f"{now} of {learned:g} (learned{f'; {limit:g} set' if limit else ''})"
    return f"{now} of {limit:g}" if limit else f"{now}, no limit"


def _in_flight(view: View) -> str:
    learned = view["learned_concurrency"]
    limit = view["concurrency"] if learned is None else f"{learned} (learned; {view['concurrency']} set)"
    return f"{view['in_flight']} of {limit}"


def _order(view: View) -> str:
    weight = view["weight"]
    return str(view["order"]) if weight == 1 else f"{view['order']}, weight {weight:g}"


def _last_error(view: View, at: datetime) -> str:
    if not (error := view["last_error"]):
        return ""
    ago = f" {age(error['at'], at)} ago" if error.get("at") else ""
    return f"last error{ago}: {error.get('code')}: {shortened(str(error.get('message') or ''), 200)}"


def _words(name: str) -> str:
    return name.replace("_", " ")
