"""Tables of sentences: a ruling, and the patterns that point to it."""

import re

Patterns = tuple[tuple[re.Pattern[str], str], ...]


def patterns(*rows: tuple[str, ...]) -> Patterns:
    """Compile rows of ``(ruling, pattern, pattern, …)``, in order."""
    return tuple(
        (re.compile("|".join(alternatives), re.IGNORECASE), ruling) for ruling, *alternatives in rows
    )


def first(table: Patterns, text: str) -> str | None:
    """Return the ruling of the first row that occurs in ``text``."""
    return next((ruling for pattern, ruling in table if pattern.search(text)), None)


def plain(text: str) -> str:
    """Return text with straight quotes, stripped, and of a length that is quick to search."""
    text = text.strip()
    text = text if len(text) <= 16384 else text[:8192] + text[-8192:]
    return text.translate(_QUOTES)


_QUOTES = {0x2019: "'", 0x2018: "'", 0x201C: '"', 0x201D: '"'}
