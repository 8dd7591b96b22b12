"""The retry decision."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkroom_client import ApiError, ConnectionFailed, DarkroomError, InvalidResponse, RetryPolicy

POLICY = RetryPolicy(attempts=4, base=1, cap=5)


@pytest.mark.parametrize(
    ("error", "repeatable", "once"),
    [
        (ConnectionFailed("lost"), True, True),
        (ConnectionFailed("lost"), False, False),
        (ConnectionFailed("refused", sent=False), True, True),
        (ConnectionFailed("refused", sent=False), False, True),
        (InvalidResponse("html"), True, False),
        (ApiError(429, "x"), False, True),
        (ApiError(503, "x"), True, True),
        (ApiError(503, "x"), False, False),
        (ApiError(502, "x"), True, True),
        (ApiError(500, "x"), True, False),
        (ApiError(422, "x"), True, False),
        (DarkroomError("x"), True, False),
    ],
)
def test_what_is_sent_again(error: DarkroomError, repeatable: bool, once: bool) -> None:
    assert (POLICY.pause(1, error, repeatable=repeatable, chance=0) is not None) is once


def test_the_pause_doubles_up_to_the_cap_and_ends() -> None:
    pauses = [POLICY.pause(n, ConnectionFailed(""), repeatable=True, chance=1) for n in range(1, 5)]
    assert pauses == [1, 2, 4, None]
    assert RetryPolicy(attempts=99).pause(90, ConnectionFailed(""), repeatable=True, chance=1) == 20


def test_retry_after_takes_precedence_and_a_long_one_ends_the_retries() -> None:
    assert POLICY.pause(1, ApiError(429, "", retry_after=30), repeatable=True, chance=0) == 30
    assert POLICY.pause(1, ApiError(429, "", retry_after=61), repeatable=True, chance=0) is None


@given(st.integers(1, 10**6), st.floats(0, 1), st.one_of(st.none(), st.floats(0, 60)), st.integers(1, 10**6))
def test_a_pause_is_never_negative_nor_much_longer_than_the_server_asks_or_the_cap(
    attempt: int, chance: float, retry_after: float | None, attempts: int
) -> None:
    policy = RetryPolicy(attempts=attempts)
    pause = policy.pause(attempt, ApiError(429, "", retry_after=retry_after), repeatable=True, chance=chance)
    assert (pause is None) == (attempt >= attempts)
    if pause is not None:
        assert 0 <= pause <= (policy.cap if retry_after is None else retry_after * 1.2)
