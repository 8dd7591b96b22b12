"""How large a picture was asked for, in the many places where relays look for it."""

import re
from collections.abc import Mapping
from typing import Any

DEFAULT = (512, 512)
_SMALLEST, _LARGEST = 64, 2048
_PIXELS = re.compile(r"(\d{2,5})\s*[x×*]\s*(\d{2,5})", re.IGNORECASE)
_RATIO = re.compile(r"(\d{1,2})\s*[:：]\s*(\d{1,2})")
_IN_PROMPT = re.compile(
    r'(?:【\s*|比例\s*|ratio"?\s*[:=]?\s*"?|--ar\s+)(\d{1,2}\s*[:：]\s*\d{1,2})(?!\d)', re.IGNORECASE
)


def size_of(body: Mapping[str, Any], prompt: str) -> tuple[int, int]:
    """Return width and height from ``size``, ``aspect_ratio``, ``image_config`` or the prompt."""
    config = body.get("image_config")
    nested = config.get("aspect_ratio") if isinstance(config, dict) else None
    for value in (body.get("size"), body.get("aspect_ratio"), nested):
        if isinstance(value, str) and (size := _read(value)):
            return size
    found = _IN_PROMPT.search(prompt)
    return (_read(found[1]) if found else None) or DEFAULT


def _read(text: str) -> tuple[int, int] | None:
    if found := _PIXELS.fullmatch(text.strip()):
        return _clamp(int(found[1])), _clamp(int(found[2]))
    if (found := _RATIO.fullmatch(text.strip())) and int(found[1]) and int(found[2]):
        share = (int(found[1]) / int(found[2])) ** 0.5
        return _clamp(round(DEFAULT[0] * share / 8) * 8), _clamp(round(DEFAULT[1] / share / 8) * 8)
    return None


def _clamp(side: int) -> int:
    return min(max(side, _SMALLEST), _LARGEST)
