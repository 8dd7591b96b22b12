"""Repeated warnings and errors: each is logged at once, its repetitions every minute as a count."""

import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from worker.process.log_context import CONTEXT_NAMES

_WINDOW = 60.0  # seconds
_MOST = 500  # different lines that are remembered
_NUMBER = re.compile(r"\d+(\.\d+)?")


@dataclass(slots=True)
class _Line:
    logged_at: float
    left_out: int = 0


@dataclass(slots=True)
class RepeatedLogs:
    """A filter of ``logging``. Lines that differ in numbers only are repetitions of each other.

    Ids of jobs differ in letters too: lines about several jobs are all logged, unless only their context
    (``worker.process.log_context``) says which job it was.
    """

    window: float = _WINDOW  #: seconds
    clock: Callable[[], float] = time.monotonic
    _lines: dict[str, _Line] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether to log a line; one that stands for others says how many they are."""
        if record.levelno < logging.WARNING:
            return True
        key, now = _key_of(record), self.clock()
        with self._lock:
            line = self._lines.get(key)
            if line is not None and now - line.logged_at < self.window:
                line.left_out += 1
                return False
            if len(self._lines) >= _MOST:
                self._lines.pop(next(iter(self._lines)))
            self._lines.pop(key, None)
            self._lines[key] = _Line(now)
        if line is not None and line.left_out:
            _add_count(record, line.left_out)
        return True


def _key_of(record: logging.LogRecord) -> str:
    if isinstance(record.msg, dict):
        left_out = {"timestamp", CONTEXT_NAMES, *record.msg.get(CONTEXT_NAMES, ())}
        text = str({name: value for name, value in record.msg.items() if name not in left_out})
    else:
        text = record.getMessage()
    return f"{record.name} {record.levelno} {_NUMBER.sub('#', text)}"


def _add_count(record: logging.LogRecord, count: int) -> None:
    if isinstance(record.msg, dict):
        record.msg = {**record.msg, "repeated": count}
    else:
        record.msg, record.args = f"{record.getMessage()} (repeated {count} times)", ()
