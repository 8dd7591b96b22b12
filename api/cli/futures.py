"""Places in the queue and estimates, in words."""

from collections.abc import Iterator, Mapping
from typing import Any

_FACTORS = {
    "rate_limit": "the rate limit",
    "concurrency": "the number of calls at once",
    "worker_slots": "the slots of the workers",
    "cooldown": "a channel's rest",
    "backoff": "the wait after a failed call",
    "not_before": "the time that was chosen",
    "fair_share": "its turn",
    "call": "the call itself",
}


def future_facts(job: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield a job's place and its end, as far as they are known."""
    if place := job.get("queue_position"):
        at_least = "at least " if job.get("queue_position_capped") else ""
        yield "place", f"starts as number {at_least}{place:,}"
    if words := eta_words(job.get("eta")):
        yield "done", words


def eta_words(eta: Mapping[str, Any] | None) -> str:
    """Say when something may be done: in about 4 min, in 9 of 10 cases within 11 min; what takes longest."""
    if not eta or eta.get("p50") is None:
        return ""
    factor = _FACTORS.get(str(eta.get("limiting_factor")), str(eta.get("limiting_factor")))
    first, late = span(eta["p50"]), span(eta["p90"])
    return f"in about {first}, in 9 of 10 cases within {late}; {factor} takes longest"


def prospect_view(found: Mapping[str, Any]) -> str:
    """Say what is left of a set of jobs."""
    left = {status: count for status, count in found["remaining"].items() if count}
    if not left:
        return "Nothing is left to do."
    at_least = "at least " if found.get("queued_capped") else ""
    counts = ", ".join(
        f"{at_least if status == 'queued' else ''}{count:,} {status.replace('_', ' ')}"
        for status, count in left.items()
    )
    words = eta_words(found.get("eta"))
    if not words:
        eta = found.get("eta") or {}
        known = _FACTORS.get(str(eta.get("limiting_factor")), str(eta.get("limiting_factor")))
        words = f"when, nobody knows yet ({known})" if eta else "they wait for a person's decision"
    return f"{counts}; {found['calls_last_minute']:,} calls in the last minute\ndone: {words}"


def span(seconds: float) -> str:
    """Return seconds as people say them: 45 s, 6 min, 3 h 20 min, 2 d 4 h."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{hours // 24} d {hours % 24} h"
