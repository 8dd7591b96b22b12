"""Token counts and told cost of an answer, as OpenAI, Gemini and OpenRouter write them."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from models.money.money import read_amount
from models.money.tokens import TokenCounts

_MOST = 1_000_000_000  # tokens; more is no count
_IN = ("prompt_tokens", "input_tokens", "promptTokenCount")
_OUT = ("completion_tokens", "output_tokens", "candidatesTokenCount")
_IN_DETAILS = ("prompt_tokens_details", "input_tokens_details", "promptTokensDetails")
_OUT_DETAILS = ("completion_tokens_details", "output_tokens_details", "candidatesTokensDetails")
_COSTS = ("cost", "total_cost", "cost_usd")


def told_cost(body: Mapping[str, Any]) -> Decimal | None:
    """Return the amount that an answer names as its cost, in its body or its usage; ``None``: none, or 0."""
    usage = body.get("usage")
    for source in (usage if isinstance(usage, Mapping) else {}, body):
        for name in _COSTS:
            if amount := read_amount(source.get(name)):
                return amount
    return None


def read_tokens(usage: Mapping[str, Any] | None) -> TokenCounts | None:
    """Return the token counts of a usage object; ``None`` if it has none.

    Counts that the provider did not split are ``other``. Gemini counts thoughts apart from the answer.
    """
    if not usage:
        return None
    given, written = _first(usage, _IN), _first(usage, _OUT)
    if given is None and written is None:
        return None
    details = _details(usage, _IN_DETAILS)
    text_in, image_in = details.get("text", 0), details.get("image", 0)
    cached = min(max(details.get("cached", 0), _count(usage.get("cachedContentTokenCount")) or 0), given or 0)
    text_in, image_in, other_in = _split(given or 0, text_in, image_in)
    cached_image = min(details.get("cached_image", 0), image_in, cached)
    cached_other = min(cached - cached_image, other_in)
    cached_text = min(cached - cached_image - cached_other, text_in)
    rest = (
        cached - cached_image - cached_other - cached_text
    )  # of pictures, though the answer does not say so
    cached_image += min(rest, image_in - cached_image)
    out = _details(usage, _OUT_DETAILS)
    reasoning, thoughts = out.get("reasoning", 0), _count(usage.get("thoughtsTokenCount")) or 0
    text_out, image_out, other_out = _split(written or 0, out.get("text", 0) + reasoning, out.get("image", 0))
    return TokenCounts(
        text_in=text_in - cached_text,
        cached_text_in=cached_text,
        image_in=image_in - cached_image,
        cached_image_in=cached_image,
        other_in=other_in - cached_other,
        cached_other_in=cached_other,
        text_out=text_out + thoughts,
        image_out=image_out,
        other_out=other_out,
    )


def _split(total: int, text: int, image: int) -> tuple[int, int, int]:
    """Return tokens of text, of images, and those that are neither; together they are the total."""
    image = min(image, total)
    text = min(text, total - image)
    return text, image, total - text - image


def _first(usage: Mapping[str, Any], names: Sequence[str]) -> int | None:
    return next((count for name in names if (count := _count(usage.get(name))) is not None), None)


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value <= _MOST else None


def _details(usage: Mapping[str, Any], names: Sequence[str]) -> dict[str, int]:
    """Return counts by kind: text, image, cached, cached_image, reasoning."""
    given = (usage.get(name) for name in names)
    found: Any = next((each for each in given if isinstance(each, Mapping | list)), {})
    counts: dict[str, int] = {}
    if isinstance(found, Mapping):
        for kind in ("text", "image", "cached", "reasoning"):
            counts[kind] = _count(found.get(f"{kind}_tokens")) or 0
        cached = found.get("cached_tokens_details")
        if isinstance(cached, Mapping):
            counts["cached_image"] = _count(cached.get("image_tokens")) or 0
        return counts
    for each in found:  # of Gemini: a list of modalities
        if isinstance(each, Mapping):
            modality = str(each.get("modality")).lower()
            counts[modality] = counts.get(modality, 0) + (_count(each.get("tokenCount")) or 0)
    return counts
