"""Retry schedule of webhook deliveries: a pure decision after each attempt."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

RETRIES = tuple(
    timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 3600, 3 * 3600, 6 * 3600, 12 * 3600)
)  #: waits between attempts; the first attempt is made at once
JITTER = 0.2  #: a wait is longer by up to this share, so that what failed together does not return together
LONGEST = timedelta(hours=24)  #: up to which ``Retry-After`` is honoured
GONE = 410  #: the receiver wants no more


@dataclass(frozen=True, slots=True)
class ReceiverResponse:
    """The response of a receiver to one message, or the reason why there is none."""

    http_status: int | None  #: ``None``: the receiver did not answer
    problem: str | None = None  #: in plain words; ``None``: the message was accepted
    retry_after: timedelta | None = None  #: by the ``Retry-After`` header
    body_start: str = ""  #: the beginning of its body
    seconds: float = 0.0  #: from sending to the response


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver accepted the message."""


@dataclass(frozen=True, slots=True)
class RetryLater:
    """Send the message again after a wait."""

    after: timedelta


@dataclass(frozen=True, slots=True)
class GiveUp:
    """That was the last attempt."""


@dataclass(frozen=True, slots=True)
class Disable:
    """Send nothing more to this receiver: it answered 410."""


Decision = Delivered | RetryLater | GiveUp | Disable


def decide(
    response: ReceiverResponse, attempt: int, *, retryable: bool = True, jitter: Callable[[], float]
) -> Decision:
    """Return what follows the response to attempt number ``attempt``, counted from 1.

    ``jitter`` returns 0 to 1. A test is not ``retryable``: it has one attempt.
    """
    if response.problem is None:
        return Delivered()
    if response.http_status == GONE:
        return Disable()
    if not retryable or attempt > len(RETRIES):
        return GiveUp()
    wait = RETRIES[attempt - 1] * (1 + JITTER * jitter())
    return RetryLater(max(wait, min(response.retry_after or timedelta(), LONGEST)))
