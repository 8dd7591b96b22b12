"""Tables of sentences: a ruling, and the patterns that point to it."""

import re

from worker.upstream.chinese import simplified

Patterns = tuple[tuple[re.Pattern[str], str], ...]


def patterns(*rows: tuple[str, ...]) -> Patterns:
    """Compile rows of ``(ruling, pattern, pattern, …)``, in order, for texts that are ``plain``."""
    return tuple((re.compile("|".join(alternatives)), ruling) for ruling, *alternatives in rows)


def first(table: Patterns, text: str) -> str | None:
    """Return the ruling of the first row that occurs in ``text``."""
    return next((ruling for pattern, ruling in table if pattern.search(text)), None)


def plain(text: str) -> str:
    """Return text in lower case, with straight quotes and simplified signs, cut to search it quickly."""
    text = text.strip()
    text = text if len(text) <= 4096 else text[:2048] + text[-2048:]
    return simplified(text.lower().translate(_QUOTES))


_QUOTES = {0x2019: "'", 0x2018: "'", 0x201C: '"', 0x201D: '"'}
