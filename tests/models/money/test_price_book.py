"""Lookup order: the channel's own price, the official list at its ratio, else unknown."""

from typing import Any

from models.channels import ChannelSettings
from models.money.cost import CallShape
from models.money.money import Money
from models.money.price_book import PriceBook


def book(**settings: Any) -> PriceBook:
    given = {"base_url": "https://x.example/v1", "api_key": "k" * 20, "models": ["*"], **settings}
    return PriceBook([ChannelSettings.model_validate({"name": "one", **given})])


def expected(prices: PriceBook, model: str) -> Money | None:
    return prices.price_of("one", model).expected(CallShape(size="1024x1024", quality="high"))


def test_a_channels_own_price_comes_first_and_the_longest_pattern_of_those() -> None:
    own = {"a-*": {"per_call": 0.1}, "a-b*": {"per_call": 0.2}, "a-bc": {"per_call": 0.3, "currency": "CNY"}}
    found = book(prices=own, price_list="official")
    assert [str(expected(found, model)) for model in ("a-x", "a-bd", "a-bc")] == [
        "0.1 USD",
        "0.2 USD",
        "0.3 CNY",
    ]
    assert expected(found, "qwen-image-max") == Money(500_000, "CNY")


def test_the_official_list_counts_only_where_the_channel_says_so_and_at_its_ratio() -> None:
    assert expected(book(), "qwen-image-max") is None
    half = book(price_list="official", price_ratio=0.5)
    assert expected(half, "qwen-image-max") == Money(250_000, "CNY")
    assert (half.price_of("one", "qwen-image-max").version or "").endswith("x0.5")


def test_an_alias_has_the_price_of_the_providers_model() -> None:
    """An alias without a price of its own was logged as 0 (LiteLLM #37738)."""
    found = book(price_list="official", model_names={"best": "qwen-image-max"})
    assert expected(found, "best") == Money(500_000, "CNY")


def test_each_channel_has_its_own_price_of_a_model() -> None:
    """A call that fell back to another channel is priced there (LiteLLM #10221)."""
    common = {"base_url": "https://x.example/v1", "api_key": "k" * 20, "models": ["*"]}
    channels = [
        ChannelSettings.model_validate({**common, "name": name, "prices": {"m": {"per_call": price}}})
        for name, price in (("one", 0.1), ("two", 0.4))
    ]
    prices = PriceBook(channels)
    assert [str(prices.price_of(name, "m").expected(CallShape())) for name in ("one", "two")] == [
        "0.1 USD",
        "0.4 USD",
    ]


def test_without_any_price_the_policy_of_the_channel_counts() -> None:
    assert book().price_of("one", "m").unknown == "flag"
    assert book(unknown_price="reject").price_of("one", "m").unknown == "reject"
    assert expected(book(unknown_price={"assume": 0.25, "currency": "CNY"}), "m") == Money(250_000, "CNY")
