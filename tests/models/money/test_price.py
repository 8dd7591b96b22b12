"""Prices per call, per picture by size and quality, and per kind of tokens."""

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from models.money.price import Price, TokenPrices
from models.money.tokens import TokenCounts

TABLE = {"1024x1024/high": "0.167", "1K/low": "0.01", "2K": "0.08", "*/high": "0.25", "*": "0.05"}


@pytest.mark.parametrize(
    ("size", "quality", "price"),
    [
        ("1024x1024", "high", "0.167"),
        ("1024x1536", "low", "0.01"),
        ("2048x2048", "medium", "0.08"),
        ("4096x4096", "high", "0.25"),
        ("4096x4096", "low", "0.05"),
        ("16:9", "low", "0.01"),
        ("4K", None, "0.25"),
        (None, None, "0.25"),
        ("auto", "low", "0.08"),
    ],
)
def test_the_nearest_row_gives_the_price_of_a_picture(
    size: str | None, quality: str | None, price: str
) -> None:
    assert Price.model_validate({"per_picture": TABLE}).picture(size, quality) == Decimal(price)


def test_a_size_without_a_row_has_no_price() -> None:
    assert Price.model_validate({"per_picture": {"1K": 0.1}}).picture("4096x4096", None) is None


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"per_picture": {}},
        {"per_picture": {"huge": 1}},
        {"per_picture": {"1K/": 1}},
        {"per_call": -1},
        {"per_call": float("nan")},
        {"per_call": 1, "currency": "dollars"},
        {"tokens": {"text_in": 1}},
        {"per_call": 1, "more": 2},
    ],
)
def test_a_price_that_can_not_be_applied_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Price.model_validate(given)


def test_each_kind_of_token_has_its_own_price() -> None:
    prices = TokenPrices.model_validate(
        {
            "text_in": 5,
            "cached_text_in": 1.25,
            "image_in": 8,
            "cached_image_in": 2,
            "text_out": 10,
            "image_out": 30,
        }
    )
    million = 1_000_000
    kinds = ("text_in", "cached_text_in", "image_in", "cached_image_in", "text_out", "image_out")
    costs = [prices.cost(TokenCounts(**{kind: million}), text=False, inputs=False) for kind in kinds]
    assert costs == [5, Decimal("1.25"), 8, 2, 10, 30]


def test_another_price_has_another_version() -> None:
    one, same, other = (Price.model_validate({"per_call": price}) for price in (1, 1, 2))
    assert one.version == same.version != other.version
