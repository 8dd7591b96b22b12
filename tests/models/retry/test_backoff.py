"""How rules are written, laid over each other, and turned into waits."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from models.retry.backoff import STANDARD, RetryPolicy, Rule, effective
from models.retry.rules import RetryClass, RetryRules

SECOND = timedelta(seconds=1)
RULE = Rule(base=2 * SECOND, cap=300 * SECOND)


def rules(**said: dict[str, Any]) -> RetryRules:
    return RetryRules.model_validate(said)


@pytest.mark.parametrize(
    ("failures", "ceiling"), [(1, 2), (2, 4), (3, 8), (7, 128), (8, 256), (9, 300), (1000, 300)]
)
def test_the_wait_doubles_up_to_its_cap(failures: int, ceiling: int) -> None:
    assert RULE.wait(failures, None, lambda: 1.0) == ceiling * SECOND


@pytest.mark.parametrize(("jitter", "least"), [("full", 0), ("equal", 4), ("none", 8)])
def test_jitter_is_the_share_of_the_wait_that_is_left_to_chance(jitter: str, least: int) -> None:
    rule = RULE.overridden(rules(retry={"jitter": jitter}).by_class()[RetryClass.RETRY])
    assert (rule.wait(3, None, lambda: 0.0), rule.wait(3, None, lambda: 1.0)) == (least * SECOND, 8 * SECOND)


@pytest.mark.parametrize(
    ("said", "failures", "latest"), [(4, 1, 6), (60, 1, 75), (60, 6, 124), (7200, 1, 7500)]
)
def test_what_a_provider_asks_for_is_a_floor_and_the_rest_is_spread(
    said: int, failures: int, latest: int
) -> None:
    assert RULE.wait(failures, said * SECOND, lambda: 0.0) == said * SECOND
    assert RULE.wait(failures, said * SECOND, lambda: 1.0) == latest * SECOND


def test_the_last_layer_that_says_something_holds() -> None:
    settings = rules(no_image={"attempts": 2, "base": 9}, retry={"cap": 60})
    campaign = rules(no_image={"attempts": 4})
    job = rules(no_image={"jitter": "none"})
    found = effective(STANDARD, settings, None, campaign, job).rules
    assert found[RetryClass.NO_IMAGE] == Rule(9 * SECOND, 300 * SECOND, attempts=4, jitter="none")
    assert found[RetryClass.RETRY] == Rule(2 * SECOND, 60 * SECOND)
    assert found[RetryClass.RATE_LIMITED] == STANDARD.rules[RetryClass.RATE_LIMITED]


def test_without_layers_the_policy_is_the_same() -> None:
    assert effective(STANDARD, None, rules()) is STANDARD


def test_the_usual_back_off_reaches_every_class_that_people_may_change() -> None:
    policy = RetryPolicy.of(4 * SECOND, 600 * SECOND).rules
    assert policy[RetryClass.RATE_LIMITED].base == 4 * SECOND
    assert (policy[RetryClass.MAINTENANCE].base, policy[RetryClass.MAINTENANCE].cap) == (
        120 * SECOND,
        3600 * SECOND,
    )


def test_every_class_but_the_one_that_waits_for_a_person_can_be_changed() -> None:
    assert {RetryClass(name) for name in RetryRules.model_fields} == set(RetryClass) - {
        RetryClass.NEEDS_HUMAN
    }


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ({"rate_limit": {}}, ("rate_limit",)),
        ({"needs_human": {"attempts": 1}}, ("needs_human",)),
        ({"no_image": {"attempts": -1}}, ("no_image", "attempts")),
        ({"retry": {"attempts": 501}}, ("retry", "attempts")),
        ({"retry": {"base": 0}}, ("retry", "base")),
        ({"retry": {"base": 9, "cap": 8}}, ("retry",)),
        ({"retry": {"jitter": "some"}}, ("retry", "jitter")),
        ({"ambiguous": {"counts": False}}, ("ambiguous", "counts")),  # it may have been charged
        ({"no_image": {"counts": False}}, ("no_image", "counts")),
    ],
)
def test_a_wrong_rule_is_named(said: dict[str, Any], place: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError) as caught:
        rules(**said)
    assert [error["loc"] for error in caught.value.errors()] == [place]
