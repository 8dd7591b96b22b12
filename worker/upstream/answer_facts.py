"""Facts of an answer that clients of the OpenAI API are told as the provider said them."""

from collections.abc import Mapping
from typing import Any

import orjson

from worker.upstream.parsing.answer import Answer

_LONGEST = 65_536  # bytes of all facts
_MOST_USAGE = 4_096  # bytes of the usage


def answer_facts(answer: Answer | None) -> dict[str, Any] | None:
    """Return ``{id, model, created, finish_reason, usage, tool_calls, size, quality}``, as far as stated.

    What is longer than a provider has reason to write is left out.
    """
    if answer is None:
        return None
    facts: dict[str, Any] = dict(answer.stated)
    if answer.finish_reasons:
        facts["finish_reason"] = answer.finish_reasons[-1][:80]
    if answer.usage and _size(answer.usage) <= _MOST_USAGE:
        facts["usage"] = dict(answer.usage)
    if answer.tool_calls and _size(answer.tool_calls) <= _LONGEST:
        facts["tool_calls"] = list(answer.tool_calls)
    facts |= {
        name: value
        for name, value in (("size", answer.made_size), ("quality", answer.made_quality))
        if value is not None
    }
    return facts or None


def _size(value: Mapping[str, Any] | tuple[Mapping[str, Any], ...]) -> int:
    try:
        return len(orjson.dumps(value))
    except (TypeError, ValueError):  # an integer beyond 64 bits, or a lone surrogate
        return _LONGEST + 1
