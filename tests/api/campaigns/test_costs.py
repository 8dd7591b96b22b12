"""Amounts of money are exact decimals; what is not known is null."""

import pytest

from api.campaigns.costs import PlannedCost, amount


@pytest.mark.parametrize(
    ("micro", "text"), [(None, None), (0, "0"), (12_500_000, "12.5"), (-1, "-0.000001"), (3_000_000, "3")]
)
def test_millionths_are_written_exactly(micro: int | None, text: str | None) -> None:
    assert amount(micro) == text


def test_an_estimate_without_prices_is_unknown() -> None:
    assert PlannedCost().to_json() == {"p50": None, "p90": None, "currency": None, "source": "unknown"}
