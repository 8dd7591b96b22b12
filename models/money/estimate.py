"""Estimate of what a call costs: by settled costs of the past, else the price list, else an assumed price."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from models.money.cost import CallShape, ChannelPrice
from models.money.money import Money

LEAST_SETTLED = 20  #: settled costs from which on they are used
MOST_SETTLED = 200  #: the newest that are used


class EstimateSource(StrEnum):
    """What an estimate is based on."""

    HISTORY = "history"  #: settled costs of such calls
    TABLE = "table"  #: the channel's prices, or the official list
    ASSUMED = "assumed"  #: the price that the channel's policy assumes
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class CostEstimate:
    """Median and 90th percentile of the cost of a call, in millionths; ``None``: unknown."""

    p50: int | None = None
    p90: int | None = None
    currency: str | None = None
    source: EstimateSource = EstimateSource.UNKNOWN

    @property
    def reservation(self) -> Money | None:
        """What is reserved for such a call."""
        return None if self.p90 is None or self.currency is None else Money(self.p90, self.currency)


def estimate_cost(price: ChannelPrice, shape: CallShape, settled: Sequence[int]) -> CostEstimate:
    """Estimate one call; ``settled`` are costs of such calls in the price's currency, newest first."""
    if len(settled) >= LEAST_SETTLED:
        ordered = sorted(settled[:MOST_SETTLED])
        p50, p90 = (ordered[-(-len(ordered) * percent // 100) - 1] for percent in (50, 90))
        return CostEstimate(p50=p50, p90=p90, currency=price.currency, source=EstimateSource.HISTORY)
    expected = price.expected(shape)
    if expected is None:
        return CostEstimate()
    source = EstimateSource.TABLE if price.is_listed(shape) else EstimateSource.ASSUMED
    return CostEstimate(p50=expected.micro, p90=expected.micro, currency=expected.currency, source=source)
