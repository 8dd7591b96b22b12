"""Task numbers: 13 digits of time and 3 more, so that every client can keep them, even as a JSON number."""

import re
import secrets
from datetime import datetime
from typing import Any

_DIGITS = re.compile(r"[0-9]{1,16}", re.ASCII)
_SPREAD = 1000
_MOST = 2**53 - 1  # what a JSON number can be without loss


def new_number(at: datetime) -> int:
    """Return a number that is probably free."""
    return int(at.timestamp() * 1000) * _SPREAD + secrets.randbelow(_SPREAD)


def number_of(value: Any) -> int | None:
    """Read a task's number as clients send it, a string or a JSON number; ``None`` if it can't be one."""
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return int(text) if _DIGITS.fullmatch(text) and int(text) <= _MOST else None
