"""Public ids: a type prefix and a UUIDv7 in Crockford's base 32, as the TypeID specification writes them."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import uuid_utils.compat

from models.errors import NotFound

Kind = Literal[
    "job",
    "asset",
    "caller",
    "key",
    "worker",
    "attempt",
    "webhook",
    "delivery",
    "camp",
    "item",
    "action",
    "export",
    "session",
    "file",
    "batch",
    "line",
    "notice",
]

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]  # ten bits at a time
_DIGITS = {character: number for number, character in enumerate(_ALPHABET)}
_LENGTH = 26  # digits of an id; the first ten are the time of its creation
_BITS = 5 * _LENGTH
LEAST_DIGITS = 8  #: digits of a short id at least: they name one second


def new_id() -> UUID:
    """Return a new UUIDv7 (RFC 9562): unique, and ordered by time."""
    return uuid_utils.compat.uuid7()


def first_id(moment: datetime) -> UUID:
    """Return the smallest id that can be created at ``moment``: every earlier id is smaller."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)


def public_id(kind: Kind, key: UUID) -> str:
    """Write a key as callers see it, such as ``job_01h455vb4pex5vsknk084sn02q``."""
    number = key.int
    pairs = [_PAIRS[number >> shift & 1023] for shift in range(120, -1, -10)]
    return f"{kind}_{''.join(pairs)}"


def parse_id(kind: Kind, text: str) -> UUID:
    """Parse a public id.

    Raises ``NotFound`` for anything that is not an id of this kind: a caller need not tell the two apart.
    """
    prefix, _, digits = text.partition("_")
    if prefix != kind or len(digits) != _LENGTH or digits[0] > "7" or any(c not in _DIGITS for c in digits):
        short = prefix == kind and 0 < len(digits) < LEAST_DIGITS
        hint = f" A short id has at least {LEAST_DIGITS} characters after {kind}_." if short else ""
        raise NotFound(f"There is no {kind} {text[:64]!r}.{hint}")
    return UUID(int=_number(digits))


def short_range(kind: Kind, text: str) -> tuple[UUID, UUID] | None:
    """Return the first and the last key whose public id begins with ``text``; ``None``: it is no short id.

    A short id is the beginning of a public id, with its kind or without: ``job_01h455vb4pex``,
    ``01h455vb4pex``. A whole id without its kind counts as one.
    """
    prefix, separator, digits = text.rpartition("_")
    most = _LENGTH - 1 if separator else _LENGTH
    if (separator and prefix != kind) or not LEAST_DIGITS <= len(digits) <= most:
        return None
    if digits[0] > "7" or any(character not in _DIGITS for character in digits):
        return None
    free = _BITS - 5 * len(digits)
    first = _number(digits) << free
    return UUID(int=first), UUID(int=first | (1 << free) - 1)


def _number(digits: str) -> int:
    number = 0
    for character in digits:
        number = number << 5 | _DIGITS[character]
    return number
