"""What providers said about the answers of a job: id, finish reason, token counts, tool calls."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from api.openai.results import JobResult
from models.outcomes import Outcome

_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")
_NAMES = (("prompt_tokens", "input_tokens"), ("completion_tokens", "output_tokens"))


@dataclass(frozen=True, slots=True)
class ProviderFacts:
    """Facts of the calls of a job that succeeded; those of the last, the usage of all."""

    id: str | None = None
    model: str | None = None
    created: int | None = None
    finish_reason: str | None = None
    usage: Mapping[str, Any] = field(default_factory=lambda: dict.fromkeys(_COUNTS, 0))
    stated_usage: Mapping[str, Any] | None = None  #: the usage if any call stated it
    tool_calls: Sequence[Mapping[str, Any]] = ()
    quality: str | None = None


def provider_facts(result: JobResult) -> ProviderFacts:
    """Return the facts of a job's present generation; members that nobody stated are empty."""
    stated = [
        each.answer_facts
        for each in result.attempts
        if each.generation == result.job.generation
        and each.outcome == Outcome.SUCCESS
        and isinstance(each.answer_facts, Mapping)
    ]
    if not stated:
        return ProviderFacts()
    last = stated[-1]
    usages = [each["usage"] for each in stated if isinstance(each.get("usage"), Mapping)]
    usage = usages[0] if len(usages) == 1 else _sum(usages)
    calls = last.get("tool_calls")
    return ProviderFacts(
        id=_text(last.get("id")),
        model=_text(last.get("model")),
        created=last["created"] if isinstance(last.get("created"), int) else None,
        finish_reason=_text(last.get("finish_reason")),
        usage=chat_usage(usage),
        stated_usage=usage or None,
        tool_calls=calls if isinstance(calls, list) else (),
        quality=_text(last.get("quality")),
    )


def chat_usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    """Return token counts as chat completions name them; counts that nobody stated are 0."""
    found = dict(usage)
    for name, other in _NAMES:
        found.setdefault(name, usage.get(other, 0))
    found.setdefault("total_tokens", _count(found["prompt_tokens"]) + _count(found["completion_tokens"]))
    return found


def images_usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    """Return token counts as the images and responses APIs name them."""
    counts = {other: _count(usage.get(other, usage.get(name, 0))) for name, other in _NAMES}
    details = usage.get("input_tokens_details") or usage.get("prompt_tokens_details") or {}
    details = details if isinstance(details, Mapping) else {}
    kinds = {name: _count(details.get(name, 0)) for name in ("image_tokens", "text_tokens")}
    total = _count(usage.get("total_tokens")) or sum(counts.values())
    return {**counts, "input_tokens_details": kinds, "total_tokens": total}


def _sum(usages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the sums of the counts of several calls; details are left out."""
    names = dict.fromkeys(name for usage in usages for name, value in usage.items() if type(value) is int)
    return {name: sum(_count(usage.get(name)) for usage in usages) for name in names}


def _count(value: object) -> int:
    return value if type(value) is int else 0


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
