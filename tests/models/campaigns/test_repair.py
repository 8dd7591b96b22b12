"""What the next take asks for."""

import pytest

from models.campaigns.actions import RetryMode
from models.campaigns.repair import LONGEST_PROMPT, NEW_SEED, Repair, Reroll, Retry, TakeRequest, read_repair
from models.campaigns.template import TemplateError

BEFORE = TakeRequest("flux", "a cat", {"size": "1K", "params": {"seed": 7, "quality": "high"}}, "first")
PLAIN = TakeRequest("flux", "a cat", {"params": {}}, "first")


def following(repair: Repair, before: TakeRequest = BEFORE) -> TakeRequest:
    return repair.next_take(before, {"colour": "red"}, lambda: 99)


def test_a_retry_asks_for_the_same() -> None:
    assert following(Retry(RetryMode.ALL)) == TakeRequest("flux", "a cat", BEFORE.request, "retry")


@pytest.mark.parametrize(
    ("reroll", "seed"),
    [
        (Reroll(), 99),
        (Reroll(seed=5), 5),
        (Reroll(model="other"), 7),
        (Reroll(prompt="a dog"), 7),
        (Reroll(model="other", seed=NEW_SEED), 99),
    ],
)
def test_a_seed_is_replaced_unless_only_prompt_or_model_change(reroll: Reroll, seed: int) -> None:
    params = following(reroll).request["params"]
    assert params == {"seed": seed, "quality": "high"}


def test_a_take_without_a_seed_gets_none_unless_it_is_asked_for() -> None:
    assert following(Reroll(), PLAIN).request["params"] == {}
    assert following(Reroll(seed=NEW_SEED), PLAIN).request["params"] == {"seed": 99}


def test_a_prompt_is_a_template_over_the_row_and_the_prompt_before() -> None:
    take = following(Reroll(prompt="{prompt}, {colour}, {{x}}"))
    assert (take.prompt, take.reason, take.request["size"]) == ("a cat, red, {x}", "edit", "1K")
    for wrong in ("{gone}", " ", "x" * (LONGEST_PROMPT + 1)):
        with pytest.raises(TemplateError):
            following(Reroll(prompt=wrong))


def test_a_repair_is_read_as_it_was_stored() -> None:
    for each in (Retry(RetryMode.MISSING), Reroll("p", 3, "m"), Reroll(seed=NEW_SEED), Reroll()):
        assert read_repair(each.kind, each.to_json()) == each
