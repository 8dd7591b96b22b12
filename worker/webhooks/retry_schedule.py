"""When a delivery is tried again: a pure decision."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

RETRIES = tuple(
    timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 3600, 3 * 3600, 6 * 3600, 12 * 3600)
)  #: after the first try, which is made at once
JITTER = 0.2  #: a wait is longer by up to this share, so that what failed together does not return together
LONGEST = timedelta(hours=24)  #: no receiver may make us wait longer
GONE = 410  #: the receiver wants no more


@dataclass(frozen=True, slots=True)
class ReceiverResponse:
    """What a receiver made of one message."""

    http_status: int | None  #: ``None``: it did not answer
    problem: str | None = None  #: in plain words; ``None``: it took the message
    retry_after: timedelta | None = None  #: what it asks for
    beginning: str = ""  #: of what it wrote
    seconds: float = 0.0  #: that it took


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver has it."""


@dataclass(frozen=True, slots=True)
class RetryLater:
    """Try once more, so much later."""

    after: timedelta


@dataclass(frozen=True, slots=True)
class GiveUp:
    """That was the last try."""


@dataclass(frozen=True, slots=True)
class Disable:
    """Never again: the receiver said so."""


Decision = Delivered | RetryLater | GiveUp | Disable


def decide(answer: ReceiverResponse, tries: int, *, once: bool, jitter: Callable[[], float]) -> Decision:
    """Say what follows an answer to try number ``tries``; ``jitter`` returns 0 to 1. ``once``: a test."""
    if answer.problem is None:
        return Delivered()
    if answer.http_status == GONE:
        return Disable()
    if once or tries > len(RETRIES):
        return GiveUp()
    wait = RETRIES[tries - 1] * (1 + JITTER * jitter())
    return RetryLater(max(wait, min(answer.retry_after or timedelta(), LONGEST)))
