"""Call log: every call that the provider received, and its outcome."""

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
    """One call. ``outcome``: ``picture`` or the failure; ``charged``: a real provider would charge."""

    number: int  #: from 1, in order of arrival
    received: float  #: ``time.monotonic()``, comparable between processes of one machine
    received_at: str  #: wall time, RFC 3339
    prompt: str
    model: str
    stream: bool
    earlier: int  #: earlier calls of the same prompt
    in_flight: int  #: calls in flight, this one included
    key_hash: str | None = None  #: first 16 hex digits of the key's SHA-256
    idempotency_key: str | None = None
    outcome: str = "open"
    case: str | None = None  #: id of the replayed case
    charged: bool = False
    billed: str | None = (
        None  #: of a case: whether it was billed, as far as its caller can know (yes, no, likely_no, unknown)
    )
    pictures: tuple[str, ...] = ()  #: names below ``/pictures/`` of images delivered by link
    finished: float | None = None  #: ``time.monotonic()`` when the response was sent or abandoned
    endpoint: str = "chat/completions"  #: its path below ``/v1``
    inputs: int = 0  #: input images of a call of the images endpoints
    masked: bool = False  #: whether such a call had a mask
    aborted: bool = False  #: whether the client disconnected before that


@dataclass(slots=True)
class LoggedPoll:
    """One poll of an asynchronous task."""

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
        """Clear the log and the counts of prompts; calls in flight stay counted."""
        self.calls, self.polls, self._seen, self.max_in_flight = [], [], Counter(), self.in_flight

    def open(
        self, prompt: str, *, model: str, stream: bool, key: str | None, idempotency_key: str | None
    ) -> LoggedCall:
        """Record a call that has arrived."""
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
        """Record the end of a call; the first end counts."""
        if call.finished is None:
            call.finished, call.aborted = time.monotonic(), aborted
            self.in_flight -= 1
            self._wake_waiters()

    def record_poll(self, task: str, *, done: bool | None) -> None:
        """Record a poll; ``done`` is ``None`` for an unknown task."""
        outcome = "unknown" if done is None else "done" if done else "running"
        self.polls.append(LoggedPoll(task, time.monotonic(), outcome))

    async def wait_until(self, reached: Callable[["CallLog"], bool]) -> None:
        """Wait until ``reached`` is true of the log; for tests in the server's event loop."""
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
