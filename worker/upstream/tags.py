"""HTML start tags in prose: their attributes, and where they end."""

import re

_NAME = re.compile(r"[\s/]*([a-z_:][\w:.-]{0,63})\s*(\s*=\s*\\?)?", re.IGNORECASE)
_PLAIN = re.compile(r"[^\s\"'<>]+")
_UNFINISHED = re.compile(r"[^\s<>]*")
_END = re.compile(r"[\s/]*>?")
_MOST = 40  #: attributes; no tag of a picture has more


def attributes_of(text: str, start: int) -> tuple[dict[str, str], int]:
    """Return the attributes of the tag whose name ends at ``start``, and where the tag ends.

    Of a tag that does not end, the attributes that do are returned.
    """
    found: dict[str, str] = {}
    position = start
    for _ in range(_MOST):
        name = _NAME.match(text, position)
        if name is None:
            break
        value, position = _value(text, name.end()) if name[2] else ("", name.end())
        if position < 0:
            return found, _end(_UNFINISHED, text, name.end())
        found.setdefault(name[1].lower(), value)
    return found, _end(_END, text, position)


def _end(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    return match.end() if match else position  # it matches nothing, too


def _value(text: str, start: int) -> tuple[str, int]:
    """Return the value that begins at ``start`` and its end, which is -1 if the closing quote is missing."""
    quote = text[start : start + 1]
    if quote in ('"', "'"):
        stop = text.find(quote, start + 1)
        return (text[start + 1 : stop].removesuffix("\\"), stop + 1) if stop >= 0 else ("", -1)
    plain = _PLAIN.match(text, start)
    if plain is None:
        return "", start
    value = plain.group()
    return (value[:-1] if value.endswith("/") and text.startswith(">", plain.end()) else value), plain.end()


def widest(sources: str) -> str:
    """Return the last address of a ``srcset``: they are listed from the smallest to the largest."""
    candidates = [entry.split() for entry in re.split(r",\s+", sources) if entry.strip()]
    return candidates[-1][0] if candidates else ""
