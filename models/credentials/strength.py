"""Strength of secrets: placeholders, short values and values that are easy to guess are refused."""

import re
from collections.abc import Iterator
from itertools import pairwise
from urllib.parse import unquote, urlsplit

CALLER_KEY = 16  #: characters of a key that callers authenticate with, at least
PROVIDER_KEY = 8  #: of a provider's key: a shorter one can't be removed from what the provider repeats
SECRET_KEY = 32  #: of ``DARKROOM_SECRET_KEY``
GENERATE = "make one with `darkroom keys generate`"  #: the fix for a secret that the operator chooses
_DISTINCT = 6  # different characters of a secret of 16 or more
_UNPREDICTABLE = 10  # characters that do not continue a run such as 0123 or aaaa
_LONG_ENOUGH = 16  # from which the two numbers above apply

_PHRASES = re.compile(
    r"""
    change[-_\s]?(me|this|it)\b | replace[-_\s]?(me|this|it|with)\b | place[-_\s]?holder
    | fill[-_\s]?(me|this)[-_\s]?in
    | \b(put|insert|enter|paste|add|type)[-_\s].*\b(here|key|secret|password|token)\b
    | (\b|_)(your|example|sample|dummy|todo|fixme|tbd)(\b|_)
    | [-_\s]here$ | ^[<\[{].*[>\]}]$ | ^\$ | \.{3} | … | (?<![a-z0-9])x{3,}(?![a-z0-9]) | \*{3,} | ^x+$
    """,
    re.IGNORECASE | re.VERBOSE,
)
_ORDINARY = frozenset(
    """
    a access admin an and another api app at bucket by caller callers change database db default
    demo dev first for good hello here hunter id in is it key keys letmein local long me minio
    minioadmin my none not null of one only or pass passphrase passwd password pg please postgres
    production provider providers put pw qwerty random really redis root s sample second secret
    secrets secure service some strong super test testing that the this to token two upstream use
    user value very welcome with word world you your darkroom
    """.split()  # noqa: SIM905 - one list to read
)


def is_placeholder(value: str) -> bool:
    """Return whether a value stands for a secret that was never filled in, or is a word that anybody tries.

    That is a phrase such as ``change-me``, or nothing but ordinary words and a short number.
    """
    text = re.sub(r"[-_\s]+", "-", value.strip())
    if _PHRASES.search(text):
        return True
    words = re.findall(r"[a-z]+", text.lower())
    digits = re.sub(r"\D", "", text)
    return bool(words) and len(digits) <= 4 and all(word in _ORDINARY for word in words)


def weakness(value: str, *, least: int) -> str | None:
    """Return why a secret is refused, as the end of a sentence without the secret; ``None``: it is accepted.

    ``least`` is the fewest characters that it may have.
    """
    if is_placeholder(value):
        return "is a placeholder, not a secret"
    if len(value) < least:
        return f"has {len(value)} characters; it needs at least {least}"
    if len(value) >= _LONG_ENOUGH and _is_predictable(value):
        return "is easy to guess: few characters, repeated or in order"
    return None


def weak_passwords(url: str) -> Iterator[str]:
    """Yield why the password of a database's or broker's URL is weak; nothing if there is none."""
    try:
        parts = urlsplit(url)
        password, user = unquote(parts.password or ""), unquote(parts.username or "")
    except ValueError:  # no URL: other checks say so
        return
    if password and password == user:
        yield "is the user's name"
    elif password and (why := weakness(password, least=CALLER_KEY)):
        yield why


def _is_predictable(value: str) -> bool:
    """Return whether a value repeats one block, has few different characters, or runs up or down mostly."""
    repeated = value in (value + value)[1:-1]
    steps = [ord(second) - ord(first) for first, second in pairwise(value)]
    in_runs = sum(step == before and abs(step) <= 1 for before, step in pairwise(steps))
    return repeated or len(set(value)) < _DISTINCT or len(value) - in_runs < _UNPREDICTABLE
