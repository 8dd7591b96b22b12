"""Costs of campaigns, as far as they are known: the interface that plan and campaign object read."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from models.campaigns.rendering import RenderedItem
from models.queries.campaigns.campaigns import Campaign

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CostEstimate:
    """What calls may cost, in millionths of a currency; ``None``: unknown."""

    p50_micro: int | None = None
    p90_micro: int | None = None
    currency: str | None = None
    source: str = UNKNOWN

    def to_json(self) -> dict[str, Any]:
        """Return the estimate as JSON; amounts are decimal texts."""
        return {
            "p50": amount(self.p50_micro),
            "p90": amount(self.p90_micro),
            "currency": self.currency,
            "source": self.source,
        }


def amount(micro: int | None) -> str | None:
    """Return millionths as a decimal text, exactly, such as ``12.5``."""
    if micro is None:
        return None
    sign, (whole, part) = "-" if micro < 0 else "", divmod(abs(micro), 1_000_000)
    return f"{sign}{whole}.{part:06}".rstrip("0").rstrip(".")


async def estimate_cost(
    _connection: AsyncConnection, _campaign: Campaign, _samples: list[RenderedItem], *, calls: int
) -> CostEstimate:
    """Return what so many calls like the samples may cost; prices are not known yet."""
    return CostEstimate()


async def money_of(_connection: AsyncConnection, campaign: Campaign) -> dict[str, Any]:
    """Return the budget of a campaign and what was spent of it; spending is not known yet."""
    return {
        "currency": campaign.currency,
        "limit": amount(campaign.budget_micro),
        "reserved": None,
        "settled": None,
        "unknown": None,
    }
