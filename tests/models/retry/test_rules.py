import pytest
from pydantic import ValidationError

from models.outcomes import Outcome
from models.retry.rules import RetryClass, RetryRules, class_of


@pytest.mark.parametrize(
    ("outcome", "code", "expected"),
    [
        (Outcome.RETRY, "server_error", RetryClass.RETRY),
        (Outcome.RETRY, None, RetryClass.RETRY),
        (Outcome.RETRY, "rate_limited", RetryClass.RATE_LIMITED),
        (Outcome.RETRY, "needs_human", RetryClass.RETRY),  # the name of an outcome is no error code
        (Outcome.NO_IMAGE, "refused", RetryClass.NO_IMAGE),
        (Outcome.NEEDS_HUMAN, "auth_failed", RetryClass.NEEDS_HUMAN),
        (Outcome.AMBIGUOUS, None, RetryClass.AMBIGUOUS),
        (Outcome.PENDING, None, RetryClass.AMBIGUOUS),
        (Outcome.PERMANENT, "bad_request", None),
        (Outcome.SUCCESS, None, None),
        (None, None, None),
    ],
)
def test_a_call_has_the_class_of_its_code_or_of_its_outcome(
    outcome: str | None, code: str | None, expected: RetryClass | None
) -> None:
    assert class_of(outcome, code) is expected


def test_rules_are_stored_with_only_the_members_that_are_set() -> None:
    rules = RetryRules.model_validate({"retry": {"attempts": 2}, "no_image": {}, "daily_limit": None})
    assert rules.to_json() == {"retry": {"attempts": 2}}
    assert list(rules.by_class()) == [RetryClass.RETRY, RetryClass.NO_IMAGE]


@pytest.mark.parametrize(
    "given",
    [
        {"retry": {"base": 10, "cap": 5}},
        {"retry": {"attempts": 501}},
        {"retry": {"attempts": -1}},
        {"retry": {"base": 0}},
        {"no_image": {"counts": False}},  # charged calls always count
        {"unheard_of": {}},
    ],
)
def test_rules_that_can_not_hold_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RetryRules.model_validate(given)
