"""Estimates by settled costs, by the table, and by what a policy assumes."""

from decimal import Decimal

from models.money.cost import CallShape, ChannelPrice
from models.money.estimate import CostEstimate, EstimateSource, estimate_cost
from models.money.money import Money
from models.money.price import AssumedPrice, Price

TABLE = ChannelPrice(price=Price.model_validate({"per_call": 0.5}))


def test_twenty_settled_costs_outrank_the_table() -> None:
    costs = [*range(10_000, 0, -100)]
    found = estimate_cost(TABLE, CallShape(), costs)
    assert (found.p50, found.p90, found.source) == (5_000, 9_000, EstimateSource.HISTORY)
    assert estimate_cost(TABLE, CallShape(), costs[:19]).source is EstimateSource.TABLE


def test_the_newest_two_hundred_count() -> None:
    assert estimate_cost(TABLE, CallShape(), [1] * 200 + [9] * 800).p90 == 1


def test_without_a_price_the_policy_decides() -> None:
    assumed = ChannelPrice(price=None, unknown=AssumedPrice(assume=Decimal("0.1")))
    found = estimate_cost(assumed, CallShape(), ())
    assert (found.reservation, found.source) == (Money(100_000, "USD"), EstimateSource.ASSUMED)
    assert estimate_cost(ChannelPrice(price=None), CallShape(), ()) == CostEstimate()
