"""Stored values that can't be read: a row that has one is set apart, and its neighbours are read as usual."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import structlog

_SHOWN = 80  # characters of a value in logs and errors
_log = structlog.get_logger()
R = TypeVar("R")


class Unreadable:
    """Stands for a value that its column's type can't read: a time beyond the calendar, or no JSON."""

    def __init__(self, stored: object) -> None:
        self._stored = stored

    def __repr__(self) -> str:
        """Return the beginning of what is stored."""
        return f"unreadable value {str(self._stored)[:_SHOWN]!r}"


def problems_of(row: Any) -> list[str]:
    """Return what is wrong with a row's values, in plain words; empty if all could be read."""
    return [
        f"{name} has the {value!r}" for name, value in row._mapping.items() if isinstance(value, Unreadable)
    ]


def readable(rows: Iterable[R], what: str) -> Sequence[R]:
    """Return the rows that can be read; the others are logged under ``what`` they are."""
    found = []
    for row in rows:
        if problems := problems_of(row):
            key = next(iter(row._mapping.values()))  # type: ignore[attr-defined]  # the first column is a key
            log_unreadable(what, str(key), "; ".join(problems))
        else:
            found.append(row)
    return found


def log_unreadable(what: str, key: str, problem: str) -> None:
    """Log a row that can't be read."""
    _log.error("a row can't be read; the others are read without it", what=what, row=key, problem=problem)
