"""Amounts of money and their texts."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.money.money import Money, amount_text, read_amount, to_micro


@pytest.mark.parametrize(
    ("text", "micro"), [("20USD", 20_000_000), ("0.000001 cny", 1), (" 12.5 EUR ", 12_500_000)]
)
def test_an_amount_is_read_with_its_currency(text: str, micro: int) -> None:
    assert Money.parse(text) == Money(micro, text.strip(" 0123456789.").upper())


@pytest.mark.parametrize(
    "text", ["20", "USD", "-1USD", "1e3USD", "0.0000001USD", "2000000000USD", "1 US", "1,5 EUR"]
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"amount"):
        Money.parse(text)


def test_currencies_are_not_added_to_each_other() -> None:
    with pytest.raises(ValueError, match="not converted"):
        Money(1, "USD") + Money(1, "CNY")


@given(st.integers(min_value=0, max_value=10**15))
def test_the_text_of_an_amount_is_exact(micro: int) -> None:
    assert to_micro(Decimal(amount_text(micro)), exact=True) == micro


@pytest.mark.parametrize("value", [True, None, "x", "NaN", float("inf"), -1, "1e99", [], "9" * 50])
def test_a_value_of_an_answer_that_is_no_amount_is_passed_over(value: object) -> None:
    assert read_amount(value) is None


def test_halves_of_a_millionth_are_rounded_up() -> None:
    assert (to_micro(Decimal("0.0000005")), to_micro(Decimal("0.00000049"))) == (1, 0)
