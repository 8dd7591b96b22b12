"""Task ids: 13 digits of time and 3 random ones, exact even as a JSON number (below 2**53)."""

import re
import secrets
from datetime import datetime
from typing import Any

_DIGITS = re.compile(r"[0-9]{1,16}", re.ASCII)
_RANDOM = 1000
_LARGEST = 2**53 - 1  # JSON number without loss


def new_task_id(at: datetime) -> int:
    """Return an id that is probably free."""
    return first_task_id(at) + secrets.randbelow(_RANDOM)


def first_task_id(at: datetime) -> int:
    """Return the smallest id of a moment."""
    return int(at.timestamp() * 1000) * _RANDOM


def parse_task_id(value: Any) -> int | None:
    """Parse a task id, a string or a JSON number; ``None`` if it is no valid one."""
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return int(text) if _DIGITS.fullmatch(text) and int(text) <= _LARGEST else None
