"""What follows a call that brought no picture."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as some

from models.outcomes import ERROR_CODES, CallResult, ErrorCode, Outcome, Sign
from models.retry.backoff import STANDARD, RetryPolicy, effective
from models.retry.decision import AttemptCount, Decision, GiveUp, Hold, Retry, decide, until_daily_reset
from models.retry.rules import MOST_CALLS, RetryClass, RetryRules, class_of
from models.states import OnUnknown

SECOND = timedelta(seconds=1)
FIRST, LAST = AttemptCount(counted=1, allowed=3), AttemptCount(counted=3, allowed=3, same_outcome=3, calls=3)
REFUSALS: list[ErrorCode] = ["rate_limited", "concurrency_limited", "daily_limit", "upstream_saturated"]

seconds = some.floats(min_value=0, max_value=10**6).map(lambda number: timedelta(seconds=number))
jitters = some.floats(min_value=0, max_value=1, exclude_max=True)
some_tries = some.builds(
    lambda counted, more, allowed, alike: AttemptCount(
        counted, allowed, min(alike, counted + more), counted + more
    ),
    some.integers(1, 20),
    some.integers(0, 2 * MOST_CALLS),
    some.integers(1, 20),
    some.integers(1, 2 * MOST_CALLS),
)
some_verdicts = some.builds(
    CallResult,
    outcome=some.sampled_from(Outcome),
    code=some.sampled_from(sorted(ERROR_CODES)),
    retry_after=some.none() | seconds | seconds.map(lambda s: -s),
)
some_rules = some.fixed_dictionaries(
    {},
    optional={
        "attempts": some.integers(0, MOST_CALLS),
        "base": some.floats(0.1, 100),
        "cap": some.floats(100, 86_400),
        "jitter": some.sampled_from(["full", "equal", "none"]),
    },
)
some_layers = some.dictionaries(
    some.sampled_from([kind.value for kind in RetryClass if kind is not RetryClass.NEEDS_HUMAN]), some_rules
).map(RetryRules.model_validate)
some_policies = some.lists(some_layers, max_size=3).map(lambda layers: effective(STANDARD, *layers))


def decided(
    outcome: Outcome,
    tries: AttemptCount = FIRST,
    on_unknown: OnUnknown = OnUnknown.HOLD,
    code: ErrorCode | None = None,
    *,
    jitter: float = 0.5,
    **rules: dict[str, object],
) -> Decision:
    policy = effective(STANDARD, RetryRules.model_validate(rules))
    result = CallResult(outcome, code)
    return decide(result, tries, on_unknown=on_unknown, jitter=lambda: jitter, policy=policy)


@pytest.mark.parametrize(
    ("outcome", "tries", "on_unknown", "expected"),
    [
        (Outcome.RETRY, FIRST, OnUnknown.HOLD, Retry),
        (Outcome.RETRY, LAST, OnUnknown.HOLD, GiveUp),
        (Outcome.NO_IMAGE, AttemptCount(1, 3), OnUnknown.HOLD, Retry),
        (Outcome.NO_IMAGE, AttemptCount(2, 3, same_outcome=2), OnUnknown.HOLD, GiveUp),
        (Outcome.NO_IMAGE, AttemptCount(3, 3), OnUnknown.HOLD, GiveUp),
        (Outcome.PERMANENT, FIRST, OnUnknown.RETRY, GiveUp),
        (Outcome.NEEDS_HUMAN, FIRST, OnUnknown.HOLD, Retry),
        (Outcome.NEEDS_HUMAN, AttemptCount(3, 3), OnUnknown.FAIL, Retry),
        (Outcome.NEEDS_HUMAN, AttemptCount(1, 3, same_outcome=2), OnUnknown.FAIL, Hold),
        (Outcome.AMBIGUOUS, FIRST, OnUnknown.HOLD, Hold),
        (Outcome.AMBIGUOUS, LAST, OnUnknown.HOLD, Hold),
        (Outcome.AMBIGUOUS, FIRST, OnUnknown.FAIL, GiveUp),
        (Outcome.AMBIGUOUS, FIRST, OnUnknown.RETRY, Retry),
        (Outcome.AMBIGUOUS, LAST, OnUnknown.RETRY, GiveUp),
        (Outcome.AMBIGUOUS, AttemptCount(2, 3, same_outcome=2), OnUnknown.RETRY, Retry),
        (Outcome.AMBIGUOUS, AttemptCount(1, 3), OnUnknown.RETRY_ONCE, Retry),
        (Outcome.AMBIGUOUS, AttemptCount(2, 3, same_outcome=2), OnUnknown.RETRY_ONCE, GiveUp),
        (Outcome.AMBIGUOUS, LAST, OnUnknown.RETRY_ONCE, GiveUp),
        (Outcome.PENDING, FIRST, OnUnknown.HOLD, Hold),
        (Outcome.PENDING, FIRST, OnUnknown.FAIL, GiveUp),
    ],
)
def test_the_decision_follows_the_table(
    outcome: Outcome, tries: AttemptCount, on_unknown: OnUnknown, expected: type[Decision]
) -> None:
    assert isinstance(decided(outcome, tries, on_unknown), expected)


def test_waiting_for_a_person_uses_up_no_attempt() -> None:
    assert decided(Outcome.NEEDS_HUMAN, AttemptCount(3, 3)) == Retry(SECOND, counts=False)


def test_words_alone_that_a_person_is_needed_use_up_an_attempt() -> None:
    words = CallResult(Outcome.NEEDS_HUMAN, "quota_exhausted", sign=Sign.WORDS)
    chances = {"on_unknown": OnUnknown.HOLD, "jitter": lambda: 0.0}
    assert decide(words, FIRST, **chances) == Retry(timedelta(minutes=1), counts=True)
    assert isinstance(decide(words, AttemptCount(1, 1), **chances), Hold)


def test_words_of_a_good_answer_hold_their_job_or_use_up_an_attempt() -> None:
    chances = {"on_unknown": OnUnknown.FAIL, "jitter": lambda: 0.0}
    human = CallResult(Outcome.NEEDS_HUMAN, "quota_exhausted", sign=Sign.CONTENT)
    assert isinstance(decide(human, FIRST, **chances), Hold)
    limited = CallResult(Outcome.RETRY, "rate_limited", sign=Sign.CONTENT)
    assert isinstance(decide(limited, AttemptCount(1, 1), **chances), GiveUp)


def test_a_job_that_needs_a_person_again_and_again_is_held_and_not_failed() -> None:
    often = AttemptCount(1, 3, same_outcome=51, calls=51)
    assert isinstance(decided(Outcome.NEEDS_HUMAN, often), Hold)


@pytest.mark.parametrize("code", REFUSALS)
def test_a_refusal_that_cost_nothing_uses_up_no_attempt_and_has_a_ceiling_of_its_own(code: ErrorCode) -> None:
    late = decided(Outcome.RETRY, AttemptCount(1, 1, same_outcome=50, calls=50), code=code)
    assert isinstance(late, Retry)
    assert not late.counts
    spent = decided(Outcome.RETRY, AttemptCount(1, 1, same_outcome=51, calls=51), code=code)
    assert spent == GiveUp("it failed in the same way 51 times")


def test_refusals_before_do_not_lengthen_the_wait_after_another_failure() -> None:
    refused: list[tuple[str | None, str | None]] = [("retry", "rate_limited")] * 6 + [(None, None)]
    tries = AttemptCount.after(CallResult(Outcome.RETRY, "upstream_error"), refused, counted=1, allowed=3)
    assert tries == AttemptCount(1, 3, same_outcome=1, calls=8)
    assert decided(Outcome.RETRY, tries, code="upstream_error", jitter=0.999) == Retry(1.998 * SECOND)


def test_an_answer_that_came_after_the_next_call_still_counts_as_the_unknown_that_it_was() -> None:
    result = CallResult(Outcome.AMBIGUOUS, "connection_lost")
    tries = AttemptCount.after(result, [("success", None)], counted=2, allowed=9)
    assert tries.same_outcome == 2
    once = decide(result, tries, on_unknown=OnUnknown.RETRY_ONCE, jitter=lambda: 0.5)
    assert isinstance(once, GiveUp)


def test_what_ended_alike_is_counted_by_class() -> None:
    before: list[tuple[str | None, str | None]] = [
        ("pending", None),
        ("ambiguous", "timeout"),
        ("no_image", "no_image"),
        ("retry", "origin_unreachable"),
        ("retry", "maintenance"),
    ]
    for result, alike in (
        (CallResult(Outcome.AMBIGUOUS, "connection_lost"), 3),
        (CallResult(Outcome.NO_IMAGE, "empty_response"), 2),
        (CallResult(Outcome.RETRY, "connect_error"), 2),
        (CallResult(Outcome.RETRY, "maintenance"), 2),
        (CallResult(Outcome.RETRY, "no_channel"), 1),
    ):
        assert AttemptCount.after(result, before, counted=6, allowed=9).same_outcome == alike


def test_every_failure_has_a_class_but_those_that_are_final() -> None:
    classes = {class_of(outcome, code) for outcome in Outcome for code in ERROR_CODES}
    assert classes == {*RetryClass, None}
    assert {outcome for outcome in Outcome if class_of(outcome, "rate_limited") is None} == {
        Outcome.SUCCESS,
        Outcome.PERMANENT,
    }
    assert set(STANDARD.rules) == set(RetryClass)


def test_every_reason_to_stop_is_in_words() -> None:
    gone, held = decided(Outcome.PERMANENT, FIRST), decided(Outcome.AMBIGUOUS, FIRST)
    spent = decided(Outcome.RETRY, LAST)
    assert gone == GiveUp("the same request would fail again")
    assert spent == GiveUp("3 of 3 attempts used")
    assert isinstance(held, Hold)
    assert "unknown whether the provider made and charged" in held.reason
    never = decided(Outcome.RETRY, FIRST, code="rate_limited", rate_limited={"attempts": 0})
    assert never == GiveUp("it failed in the same way once")


@given(some_verdicts, some_tries, some.sampled_from(OnUnknown), jitters, some_policies)
def test_no_call_is_made_beyond_what_a_rule_the_job_and_the_ceiling_allow(
    result: CallResult, tries: AttemptCount, on_unknown: OnUnknown, jitter: float, policy: RetryPolicy
) -> None:
    decision = decide(result, tries, on_unknown=on_unknown, jitter=lambda: jitter, policy=policy)
    if isinstance(decision, Retry):
        kind = class_of(result.outcome, result.code)
        assert kind is not None
        rule = policy.rules[kind]
        assert rule.attempts is None or tries.same_outcome <= rule.attempts
        assert tries.calls < MOST_CALLS
        assert not decision.counts or tries.counted < tries.allowed
        assert decision.counts == rule.counts


@given(some_verdicts, some_tries, some.sampled_from(OnUnknown), jitters, some_policies)
def test_no_wait_is_shorter_than_retry_after_or_longer_than_the_cap_on_top_of_it(
    result: CallResult, tries: AttemptCount, on_unknown: OnUnknown, jitter: float, policy: RetryPolicy
) -> None:
    decision = decide(result, tries, on_unknown=on_unknown, jitter=lambda: jitter, policy=policy)
    if isinstance(decision, Retry):
        kind = class_of(result.outcome, result.code)
        assert kind is not None
        context = timedelta() if kind is RetryClass.NEEDS_HUMAN else result.retry_after or timedelta()
        floor = max(context, timedelta())
        assert floor <= decision.after <= floor + policy.rules[kind].cap


@given(some_verdicts, some_tries, jitters, some_policies)
def test_waiting_for_a_person_never_counts_whatever_rules_say(
    result: CallResult, tries: AttemptCount, jitter: float, policy: RetryPolicy
) -> None:
    shut = CallResult(Outcome.NEEDS_HUMAN, result.code)
    decision = decide(shut, tries, on_unknown=OnUnknown.FAIL, jitter=lambda: jitter, policy=policy)
    assert isinstance(decision, Hold) or (isinstance(decision, Retry) and not decision.counts)


@given(some_verdicts, some_tries, jitters)
def test_by_default_a_call_of_unknown_outcome_is_never_sent_again(
    result: CallResult, tries: AttemptCount, jitter: float
) -> None:
    decision = decide(result, tries, on_unknown=OnUnknown.HOLD, jitter=lambda: jitter)
    assert (result.outcome not in (Outcome.AMBIGUOUS, Outcome.PENDING)) or isinstance(decision, Hold)


def retried(code: ErrorCode, *, alike: int = 1, jitter: float = 0.0) -> Decision:
    return decided(Outcome.RETRY, AttemptCount(alike, 5, alike, alike), code=code, jitter=jitter)


def test_an_input_picture_that_can_not_be_loaded_is_tried_once_more_and_not_twice() -> None:
    assert isinstance(retried("input_image_unreachable"), Retry)
    assert retried("input_image_unreachable", alike=2) == GiveUp("it failed in the same way twice")
    assert isinstance(retried("upstream_error", alike=2), Retry)


@pytest.mark.parametrize("code", ["upstream_quota", "no_channel", "maintenance"])
def test_what_a_person_at_the_provider_has_to_mend_is_given_minutes(code: ErrorCode) -> None:
    assert retried(code) == Retry(timedelta(seconds=30))
    assert retried(code, jitter=0.5) == Retry(timedelta(seconds=45))
    assert retried(code, alike=4) == Retry(timedelta(minutes=4))


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
    result = CallResult(Outcome.RETRY, "daily_limit", retry_after=said)
    assert until_daily_reset(result, now).retry_after == waits
    assert until_daily_reset(result, now.astimezone(timezone(timedelta(hours=8)))).retry_after == waits


def test_right_before_midnight_a_daily_limit_is_given_some_minutes() -> None:
    now = datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC)
    assert until_daily_reset(CallResult(Outcome.RETRY, "daily_limit"), now).retry_after == timedelta(
        minutes=2
    )


def test_only_daily_limits_wait_for_the_reset() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    for result in (CallResult(Outcome.RETRY, "rate_limited"), CallResult(Outcome.PERMANENT, "daily_limit")):
        assert until_daily_reset(result, now) is result
