"""Signals of a process: those that stop it, and SIGHUP, which is ignored unless a terminal was closed."""

import signal
import sys
from queue import Empty, SimpleQueue
from threading import Thread
from types import FrameType, TracebackType
from typing import Any, Self

import structlog

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT)
_POLL = 0.5  # seconds: a signal just before the wait for a lock is handled after it only
_log = structlog.get_logger()


def stopping_signals() -> tuple[signal.Signals, ...]:
    """Return the signals that stop a process gracefully; SIGHUP is one on a terminal, which is closed."""
    return (*_STOPPING, signal.SIGHUP) if sys.stderr.isatty() else _STOPPING


def ignore_hangups() -> None:
    """Log SIGHUP and go on: by default it would end the process. On a terminal, it is left as it is."""
    if not sys.stderr.isatty():
        signal.signal(signal.SIGHUP, _log_hangup)


class StopSignals:
    """Counts the signals that stop this process, in its main thread, while the context is open."""

    def __init__(self) -> None:
        self._received: SimpleQueue[int] = SimpleQueue()
        self._previous: dict[int, Any] = {}
        self.is_requested = False  #: whether a person asked the process to stop, and not a signal

    def __enter__(self) -> Self:
        self._previous = {sign: signal.signal(sign, self._note) for sign in stopping_signals()}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for sign, handler in self._previous.items():
            signal.signal(sign, handler)

    def wait(self) -> None:
        """Wait for the next signal."""
        while not self.arrived(within=_POLL):
            pass

    def arrived(self, *, within: float) -> bool:
        """Wait for the next signal, at most ``within`` seconds; return whether there was one."""
        try:
            self._received.get(timeout=within)
        except Empty:
            return False
        return True

    def request(self) -> None:
        """Stop the process as the first signal does; for other threads."""
        self.is_requested = True
        self._received.put(signal.SIGTERM)

    def _note(self, sign: int, frame: FrameType | None) -> None:
        self._received.put(sign)


def _log_hangup(sign: int, frame: FrameType | None) -> None:
    words = "SIGHUP is ignored: settings are read at the start; restart the process to apply them"
    Thread(target=_log.info, args=(words,)).start()  # this thread may hold the lock of the log
