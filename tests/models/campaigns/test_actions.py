"""Which items a retry, a re-roll and a verdict leave, and why."""

import pytest

from models.campaigns.actions import (
    FAILURES,
    SKIPPED,
    ItemFacts,
    RetryMode,
    reroll_refusal,
    retry_refusal,
    verdict_refusal,
)
from models.campaigns.item_state import ItemState

S = ItemState


@pytest.mark.parametrize(
    ("mode", "retried"),
    [
        (RetryMode.MISSING, {S.SKIPPED}),
        (RetryMode.MISSING_AND_FAILED, {S.SKIPPED, S.FAILED}),
        (RetryMode.ALL, {S.SKIPPED, S.FAILED, S.MADE, S.APPROVED, S.REJECTED}),
    ],
)
def test_a_mode_retries_its_states(mode: RetryMode, retried: set[ItemState]) -> None:
    chosen = {state for state in S if retry_refusal(ItemFacts(state, True, False), mode) is None}
    assert chosen == retried


def test_an_item_at_its_limit_without_a_request_or_held_is_left() -> None:
    assert reroll_refusal(ItemFacts(S.MADE, True, True)) == "too_many_takes"
    assert reroll_refusal(ItemFacts(S.FAILED, False, False)) == "row_error"
    assert reroll_refusal(ItemFacts(S.HELD, True, False)) == "may_be_paid"
    assert reroll_refusal(ItemFacts(S.MADE, True, False)) is None


def test_only_items_with_a_picture_get_a_verdict() -> None:
    judged = {state for state in S if verdict_refusal(ItemFacts(state, True, True)) is None}
    assert judged == {S.MADE, S.APPROVED, S.REJECTED}


def test_every_reason_has_words() -> None:
    facts = [ItemFacts(state, job, limit) for state in S for job in (True, False) for limit in (True, False)]
    reasons = {retry_refusal(each, mode) for each in facts for mode in RetryMode} | {
        verdict_refusal(each) for each in facts
    }
    assert (reasons - {None}) | FAILURES <= set(SKIPPED)
