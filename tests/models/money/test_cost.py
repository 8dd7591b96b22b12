"""Cost of a call: what comes first, and the mistakes that others made (named by their public reports)."""

from decimal import Decimal
from typing import Any

import pytest

from models.money.cost import CallShape, ChannelPrice, Charge, CostSource
from models.money.money import Money
from models.money.price import AssumedPrice, Price
from models.money.tokens import TokenCounts

GPT = {"text_in": 5, "cached_text_in": 1.25, "image_in": 10, "cached_image_in": 2.5, "image_out": 40}
PLAIN = CallShape(size="1024x1024", quality="high")


def price(**given: Any) -> ChannelPrice:
    return ChannelPrice(price=Price.model_validate(given), version="v")


def settled(price: ChannelPrice, shape: CallShape = PLAIN, **charge: Any) -> tuple[int | None, CostSource]:
    cost = price.settle(shape, Charge(**charge), None)
    return cost.micro, cost.source


def test_the_amount_that_the_provider_names_comes_before_tokens_pictures_and_the_call() -> None:
    all_kinds = price(per_call=1, per_picture=2, tokens=GPT)
    tokens = TokenCounts(image_out=1_000_000)
    given = {"told": Decimal("0.04"), "tokens": tokens, "pictures": 1}
    found = []
    for name in ("told", "tokens", "pictures"):
        found.append(settled(all_kinds, **given))
        del given[name]
    found.append(settled(all_kinds))
    assert found == [
        (40_000, CostSource.PROVIDER),
        (40_000_000, CostSource.TOKENS),
        (2_000_000, CostSource.PICTURE),
        (1_000_000, CostSource.CALL),
    ]


def test_image_tokens_are_not_priced_as_text_where_the_answer_does_not_split_them() -> None:
    """Images answers lack ``output_tokens_details`` (LiteLLM #31142)."""
    both = price(tokens={**GPT, "text_out": 10})
    assert settled(both, tokens=TokenCounts(other_out=1_000_000)) == (40_000_000, CostSource.TOKENS)
    text = CallShape(text=True)
    assert settled(both, text, tokens=TokenCounts(other_out=1_000_000)) == (10_000_000, CostSource.TOKENS)


def test_input_pictures_are_not_forgotten() -> None:
    """LiteLLM #13847."""
    split = TokenCounts(text_in=100_000, image_in=900_000, image_out=1)
    whole = TokenCounts(other_in=1_000_000, image_out=1)
    edit = CallShape(inputs=True)
    assert settled(price(tokens=GPT), edit, tokens=split)[0] == 9_500_040
    assert settled(price(tokens=GPT), edit, tokens=whole)[0] == 10_000_040
    assert settled(price(tokens=GPT), PLAIN, tokens=whole)[0] == 5_000_040


def test_each_picture_is_counted_once() -> None:
    """``n`` is neither ignored nor doubled: the pictures that came are counted."""
    four = CallShape(pictures=4)
    assert price(per_picture=0.1).expected(four) == Money(400_000, "USD")
    assert settled(price(per_picture=0.1), four, pictures=3)[0] == 300_000
    assert settled(price(per_call=0.1), four, pictures=4)[0] == 100_000


def test_the_quality_that_the_answer_states_counts_where_auto_was_asked_for() -> None:
    """giselle PR 824."""
    tiers = price(per_picture={"*/low": 0.01, "*/high": 0.2})
    auto = CallShape(quality="auto")
    assert tiers.expected(auto) == Money(200_000, "USD")
    assert settled(tiers, auto, pictures=1, quality="low")[0] == 10_000
    assert settled(tiers, auto, pictures=1)[0] == 200_000


@pytest.mark.parametrize("tokens", [None, TokenCounts(), TokenCounts(text_in=10)])
def test_usage_of_zero_is_not_taken_for_a_call_free_of_charge(tokens: TokenCounts | None) -> None:
    """Relays write zeros; an alias without a price was logged as 0 (LiteLLM #37738)."""
    reserved = Money(70_000, "USD")
    cost = price(tokens=GPT).settle(PLAIN, Charge(tokens=tokens, pictures=1, told=Decimal(0)), reserved)
    assert (cost.micro, cost.source) == (70_000, CostSource.UNKNOWN)


def test_without_any_price_a_cost_is_unknown_and_not_zero() -> None:
    cost = ChannelPrice(price=None).settle(PLAIN, Charge(pictures=1), None)
    assert (cost.micro, cost.source) == (None, CostSource.UNKNOWN)


def test_a_policy_may_assume_the_cost() -> None:
    unknown = ChannelPrice(
        price=None, unknown=AssumedPrice.model_validate({"assume": 0.3, "currency": "CNY"})
    )
    cost = unknown.settle(PLAIN, Charge(pictures=1), None)
    assert (unknown.expected(PLAIN), cost.micro, cost.currency) == (Money(300_000, "CNY"), 300_000, "CNY")


def test_the_ratio_of_the_channel_applies_to_the_list_but_not_to_what_the_provider_names() -> None:
    half = ChannelPrice(price=Price.model_validate({"per_picture": 0.1}), ratio=Decimal("0.5"))
    assert (settled(half, pictures=1)[0], settled(half, told=Decimal("0.1"))[0]) == (50_000, 100_000)
