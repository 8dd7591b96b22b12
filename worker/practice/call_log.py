"""Which calls came in and what became of them: the provider's own books."""

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from models.clock import now, rfc3339


@dataclass(slots=True)
class LoggedCall:
    """One call. ``outcome`` is ``picture`` or the kind of failure; ``charged``: it would cost money."""

    number: int  #: from 1, in order of arrival
    received: float  #: ``time.monotonic()``, comparable between processes of one machine
    received_at: str  #: wall time, RFC 3339
    prompt: str
    model: str
    stream: bool
    earlier: int  #: calls of the same prompt before this one
    in_flight: int  #: calls in flight, with this one
    key_hash: str | None = None  #: first 16 hex digits of the key's SHA-256
    idempotency_key: str | None = None
    outcome: str = "open"
    case: str | None = None  #: the id of the case that was played
    charged: bool = False
    billed: str | None = None  #: of a case: what its caller can know about that (yes, no, likely_no, unknown)
    pictures: tuple[str, ...] = ()  #: names below ``/pictures/`` of those that are fetched by link
    finished: float | None = None  #: ``time.monotonic()`` when the answer was given or given up
    aborted: bool = False  #: whether the client went away before that


@dataclass(slots=True)
class LoggedPoll:
    """Somebody asked for a task that an answer had left unfinished."""

    task: str
    received: float  #: ``time.monotonic()``
    outcome: str  #: running, done or unknown


class CallLog:
    """All calls since the start or the last reset."""

    def __init__(self) -> None:
        self.calls: list[LoggedCall] = []
        self.polls: list[LoggedPoll] = []
        self.in_flight = 0
        self.max_in_flight = 0
        self._seen: Counter[str] = Counter()
        self._waiting: list[tuple[Callable[[CallLog], bool], asyncio.Future[None]]] = []

    def reset(self) -> None:
        """Forget everything, also how often each prompt was called; calls in flight stay counted."""
        self.calls, self.polls, self._seen, self.max_in_flight = [], [], Counter(), self.in_flight

    def open(
        self, prompt: str, *, model: str, stream: bool, key: str | None, idempotency_key: str | None
    ) -> LoggedCall:
        """Write down a call that just came in."""
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        call = LoggedCall(
            len(self.calls) + 1, time.monotonic(), rfc3339(now()), prompt, model, stream,
            self._seen[prompt], self.in_flight, _hash(key) if key else None, idempotency_key,
        )  # fmt: skip
        self._seen[prompt] += 1
        self.calls.append(call)
        self._wake_waiters()
        return call

    def close(self, call: LoggedCall, *, aborted: bool = False) -> None:
        """Write down that a call is over; the first word counts."""
        if call.finished is None:
            call.finished, call.aborted = time.monotonic(), aborted
            self.in_flight -= 1
            self._wake_waiters()

    def record_poll(self, task: str, *, done: bool | None) -> None:
        """Write down that a task was asked for; ``done`` is ``None`` if there is no such task."""
        outcome = "unknown" if done is None else "done" if done else "running"
        self.polls.append(LoggedPoll(task, time.monotonic(), outcome))

    async def wait_until(self, reached: Callable[["CallLog"], bool]) -> None:
        """Wait until calls came or went so that ``reached`` is true; for tests in the server's own loop."""
        if not reached(self):
            signal = asyncio.get_running_loop().create_future()
            self._waiting.append((reached, signal))
            await signal

    def _wake_waiters(self) -> None:
        for entry in self._waiting[:]:
            reached, signal = entry
            if signal.done() or reached(self):
                self._waiting.remove(entry)
                if not signal.done():
                    signal.set_result(None)

    def summary(self) -> dict[str, Any]:
        """Return the totals."""
        return {
            "count": len(self.calls),
            "in_flight": self.in_flight,
            "max_in_flight": self.max_in_flight,
            "charged": sum(call.charged for call in self.calls),
            "aborted": sum(call.aborted for call in self.calls),
            "outcomes": Counter(call.outcome for call in self.calls),
            "cases": Counter(call.case for call in self.calls if call.case),
            "polls": self.polls,
        }


@lru_cache(maxsize=1024)
def _hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:16]
