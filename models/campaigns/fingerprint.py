"""Fingerprint of a failure: its words without what differs from one call to the next."""

import re

LONGEST = 200  #: characters
_VARIABLE = (
    (re.compile(r"https?://\S+"), "<url>"),
    (re.compile(r"\b[\w.+-]+@[\w-]+\.[\w.]+"), "<mail>"),
    (re.compile(r"\b(?=[\w-]*\d)\w+[-_][\w-]*\b|\b(?=\w*\d)(?=\w*[a-zA-Z])\w{8,}\b"), "<id>"),
    (re.compile(r"\d+(?:[.,:]\d+)*"), "<n>"),
    (re.compile(r"\s+"), " "),
)


def normalize_words(text: str) -> str:
    """Return the words of an error: without addresses, ids and numbers."""
    for pattern, replacement in _VARIABLE:
        text = pattern.sub(replacement, text[: 10 * LONGEST])
    return text.strip()[:LONGEST]
