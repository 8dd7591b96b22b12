"""What follows a call that brought no picture."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as some

from models.retry import Decision, GiveUp, Hold, Retry, RetryPolicy, Tries, decide, parked
from models.states import OnUnknown
from models.verdicts import ErrorCode, Outcome, Verdict

POLICY = RetryPolicy(base=timedelta(seconds=2), cap=timedelta(minutes=5), human_wait=timedelta(seconds=30))
FIRST, LAST = Tries(counted=1, allowed=3), Tries(counted=3, allowed=3)

seconds = some.floats(min_value=0, max_value=10**6).map(lambda number: timedelta(seconds=number))
jitters = some.floats(min_value=0, max_value=1, exclude_max=True)
some_tries = some.builds(
    Tries,
    counted=some.integers(0, 100),
    allowed=some.integers(1, 20),
    without_image=some.integers(0, 100),
    unknown=some.integers(0, 100),
)
some_verdicts = some.builds(
    Verdict, outcome=some.sampled_from(Outcome), retry_after=some.none() | seconds | seconds.map(lambda s: -s)
)


def decided(outcome: Outcome, tries: Tries, on_unknown: OnUnknown = OnUnknown.HOLD) -> Decision:
    return decide(Verdict(outcome), tries, on_unknown=on_unknown, jitter=lambda: 0.5, policy=POLICY)


@pytest.mark.parametrize(
    ("outcome", "tries", "on_unknown", "expected"),
    [
        (Outcome.RETRY, FIRST, OnUnknown.HOLD, Retry),
        (Outcome.RETRY, LAST, OnUnknown.HOLD, GiveUp),
        (Outcome.NO_IMAGE, Tries(1, 3, without_image=1), OnUnknown.HOLD, Retry),
        (Outcome.NO_IMAGE, Tries(2, 3, without_image=2), OnUnknown.HOLD, GiveUp),
        (Outcome.NO_IMAGE, Tries(3, 3, without_image=1), OnUnknown.HOLD, GiveUp),
        (Outcome.PERMANENT, FIRST, OnUnknown.RETRY, GiveUp),
        (Outcome.NEEDS_HUMAN, FIRST, OnUnknown.HOLD, Retry),
        (Outcome.NEEDS_HUMAN, LAST, OnUnknown.FAIL, Retry),
        (Outcome.AMBIGUOUS, FIRST, OnUnknown.HOLD, Hold),
        (Outcome.AMBIGUOUS, LAST, OnUnknown.HOLD, Hold),
        (Outcome.AMBIGUOUS, FIRST, OnUnknown.FAIL, GiveUp),
        (Outcome.AMBIGUOUS, FIRST, OnUnknown.RETRY, Retry),
        (Outcome.AMBIGUOUS, LAST, OnUnknown.RETRY, GiveUp),
        (Outcome.AMBIGUOUS, Tries(2, 3, unknown=2), OnUnknown.RETRY, Retry),
        (Outcome.AMBIGUOUS, Tries(1, 3, unknown=1), OnUnknown.RETRY_ONCE, Retry),
        (Outcome.AMBIGUOUS, Tries(2, 3, unknown=2), OnUnknown.RETRY_ONCE, GiveUp),
        (Outcome.AMBIGUOUS, LAST, OnUnknown.RETRY_ONCE, GiveUp),
        (Outcome.PENDING, FIRST, OnUnknown.HOLD, Hold),
        (Outcome.PENDING, FIRST, OnUnknown.FAIL, GiveUp),
    ],
)
def test_the_decision_follows_the_table(
    outcome: Outcome, tries: Tries, on_unknown: OnUnknown, expected: type[Decision]
) -> None:
    assert isinstance(decided(outcome, tries, on_unknown), expected)


def test_waiting_for_a_person_uses_up_no_attempt() -> None:
    assert decided(Outcome.NEEDS_HUMAN, LAST) == Retry(POLICY.human_wait, counts=False)


@pytest.mark.parametrize(
    ("attempt", "ceiling"), [(1, 2), (2, 4), (3, 8), (7, 128), (8, 256), (9, 300), (1000, 300)]
)
def test_the_wait_doubles_up_to_its_cap(attempt: int, ceiling: int) -> None:
    assert POLICY.backoff(attempt, None, lambda: 1.0) == timedelta(seconds=ceiling)


def test_every_reason_to_stop_is_in_words() -> None:
    gone, held = decided(Outcome.PERMANENT, FIRST), decided(Outcome.AMBIGUOUS, FIRST)
    spent = decided(Outcome.RETRY, LAST)
    assert isinstance(gone, GiveUp)
    assert isinstance(held, Hold)
    assert isinstance(spent, GiveUp)
    assert (gone.reason, spent.reason) == ("the same request would fail again", "3 of 3 attempts used")
    assert "unknown whether the provider made and charged" in held.reason


@given(some_verdicts, some_tries, some.sampled_from(OnUnknown), jitters)
def test_a_wait_is_never_negative(
    verdict: Verdict, tries: Tries, on_unknown: OnUnknown, jitter: float
) -> None:
    decision = decide(verdict, tries, on_unknown=on_unknown, jitter=lambda: jitter)
    assert not isinstance(decision, Retry) or decision.after >= timedelta()


@given(some.integers(1, 1000), seconds, jitters)
def test_what_the_provider_asks_for_is_a_floor_under_the_wait(
    attempt: int, asked: timedelta, jitter: float
) -> None:
    wait = POLICY.backoff(attempt, asked, lambda: jitter)
    assert wait >= asked
    assert asked == timedelta() or wait <= asked + POLICY.base


@given(some.integers(1, 1000), jitters)
def test_without_a_wish_of_the_provider_no_wait_is_longer_than_the_cap(attempt: int, jitter: float) -> None:
    assert POLICY.backoff(attempt, None, lambda: jitter) <= POLICY.cap


@given(some_verdicts, some_tries, jitters)
def test_by_default_a_call_of_unknown_outcome_is_never_sent_again(
    verdict: Verdict, tries: Tries, jitter: float
) -> None:
    decision = decide(verdict, tries, on_unknown=OnUnknown.HOLD, jitter=lambda: jitter)
    assert (verdict.outcome not in (Outcome.AMBIGUOUS, Outcome.PENDING)) or isinstance(decision, Hold)


@given(some_verdicts, some_tries, some.sampled_from(OnUnknown), jitters)
def test_no_attempt_is_used_beyond_those_allowed(
    verdict: Verdict, tries: Tries, on_unknown: OnUnknown, jitter: float
) -> None:
    decision = decide(verdict, tries, on_unknown=on_unknown, jitter=lambda: jitter)
    assert not (isinstance(decision, Retry) and decision.counts) or tries.counted < tries.allowed


def retried(code: ErrorCode, *, alike: int = 0, counted: int = 1, jitter: float = 0.0) -> Decision:
    verdict, tries = Verdict(Outcome.RETRY, code), Tries(counted, 5, alike=alike)
    return decide(verdict, tries, on_unknown=OnUnknown.HOLD, jitter=lambda: jitter, policy=POLICY)


def test_an_input_picture_that_can_not_be_loaded_is_tried_once_more_and_not_twice() -> None:
    assert isinstance(retried("input_image_unreachable", alike=1), Retry)
    assert retried("input_image_unreachable", alike=2, counted=2) == GiveUp("it failed in the same way twice")
    assert isinstance(retried("upstream_error", alike=2, counted=2), Retry)


@pytest.mark.parametrize("code", ["upstream_quota", "no_channel", "maintenance"])
def test_what_a_person_at_the_provider_has_to_mend_is_given_minutes(code: ErrorCode) -> None:
    assert retried(code) == Retry(timedelta(seconds=30))
    assert retried(code, jitter=0.5) == Retry(timedelta(seconds=45))
    assert retried(code, counted=4) == Retry(timedelta(minutes=4))
    assert POLICY.backoff(1000, None, lambda: 0.0, code=code) == timedelta(minutes=15)
    assert POLICY.backoff(1, timedelta(seconds=7), lambda: 0.0, code=code) == timedelta(seconds=7)


@pytest.mark.parametrize(
    ("said", "waits"),
    [
        (None, timedelta(hours=5, minutes=30)),
        (timedelta(seconds=30), timedelta(hours=5, minutes=30)),  # of the limit per minute beside it
        (timedelta(hours=3), timedelta(hours=3)),
    ],
)
def test_a_daily_limit_parks_the_key_until_its_reset(said: timedelta | None, waits: timedelta) -> None:
    now = datetime(2026, 3, 1, 18, 30, tzinfo=UTC)
    verdict = Verdict(Outcome.RETRY, "daily_limit", retry_after=said)
    assert parked(verdict, now).retry_after == waits
    assert parked(verdict, now.astimezone(timezone(timedelta(hours=8)))).retry_after == waits


def test_right_before_midnight_a_daily_limit_is_given_some_minutes() -> None:
    now = datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC)
    assert parked(Verdict(Outcome.RETRY, "daily_limit"), now).retry_after == timedelta(minutes=2)


def test_only_daily_limits_are_parked() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    for verdict in (Verdict(Outcome.RETRY, "rate_limited"), Verdict(Outcome.PERMANENT, "daily_limit")):
        assert parked(verdict, now) is verdict
