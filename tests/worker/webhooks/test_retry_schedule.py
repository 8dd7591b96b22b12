"""Retry decisions of webhook deliveries."""

from datetime import timedelta

import pytest

from worker.webhooks.retry_schedule import (
    LONGEST,
    RETRIES,
    Decision,
    Delivered,
    Disable,
    GiveUp,
    ReceiverResponse,
    RetryLater,
    decide,
)

BAD = ReceiverResponse(500, "no")
MINUTE = timedelta(minutes=1)


def test_the_waits_between_attempts_are_those_of_the_documentation() -> None:
    assert [str(wait) for wait in RETRIES] == [
        "0:00:05",
        "0:00:30",
        "0:02:00",
        "0:10:00",
        "1:00:00",
        "3:00:00",
        "6:00:00",
        "12:00:00",
    ]


@pytest.mark.parametrize(
    ("answer", "tries", "decision"),
    [
        (ReceiverResponse(204), 1, Delivered()),
        (BAD, 1, RetryLater(timedelta(seconds=5))),
        (BAD, 8, RetryLater(timedelta(hours=12))),
        (BAD, 9, GiveUp()),
        (ReceiverResponse(None, "hangs"), 2, RetryLater(timedelta(seconds=30))),
        (ReceiverResponse(410, "gone"), 1, Disable()),
        (ReceiverResponse(429, "slow", MINUTE), 1, RetryLater(MINUTE)),
        (ReceiverResponse(503, "slow", timedelta(seconds=1)), 1, RetryLater(timedelta(seconds=5))),
        (ReceiverResponse(503, "slow", timedelta(days=400)), 1, RetryLater(LONGEST)),
        (ReceiverResponse(503, "slow", MINUTE), 9, GiveUp()),
    ],
)
def test_the_decision_follows_from_response_and_attempt(
    answer: ReceiverResponse, tries: int, decision: Decision
) -> None:
    assert decide(answer, tries, jitter=lambda: 0.0) == decision


def test_jitter_only_makes_a_wait_longer() -> None:
    assert decide(BAD, 3, jitter=lambda: 1.0) == RetryLater(timedelta(seconds=144))


def test_a_test_has_one_try() -> None:
    assert decide(BAD, 1, retryable=False, jitter=lambda: 0.0) == GiveUp()
