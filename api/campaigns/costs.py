"""Costs of campaigns: what a plan may cost, and what was spent of a budget."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from api.services import ApiServices
from models.campaigns.item_request import RenderedItem
from models.campaigns.spec import Budget
from models.channels import serves
from models.checks.vision_rules import VisionRules
from models.money.estimate import CostEstimate, EstimateSource
from models.money.money import amount_text
from models.queries.campaigns.campaigns import Campaign
from models.queries.money.spend import Spend, SpendKey, sum_spend
from models.request import image_count
from worker.checks.vision_dialogue import make_prompt

_RANK = [EstimateSource.HISTORY, EstimateSource.TABLE, EstimateSource.ASSUMED, EstimateSource.UNKNOWN]


@dataclass(frozen=True, slots=True)
class PlannedCost:
    """What the calls of a plan may cost, in millionths of a currency; ``None``: unknown."""

    p50_micro: int | None = None
    p90_micro: int | None = None
    currency: str | None = None
    source: EstimateSource = EstimateSource.UNKNOWN

    def plus(self, other: "PlannedCost") -> "PlannedCost":
        """Return the sum; it is unknown if one of them is, or if their currencies differ."""
        parts = (self.p50_micro, self.p90_micro, other.p50_micro, other.p90_micro)
        if None in parts or self.currency != other.currency:
            return PlannedCost()
        p50, p90 = ((one or 0) + (two or 0) for one, two in zip(parts[:2], parts[2:], strict=True))
        return PlannedCost(p50, p90, self.currency, max(self.source, other.source, key=_RANK.index))

    def to_json(self) -> dict[str, Any]:
        """Return the estimate as JSON; amounts are decimal texts."""
        return {
            "p50": amount(self.p50_micro),
            "p90": amount(self.p90_micro),
            "currency": self.currency,
            "source": self.source.value,
        }


def amount(micro: int | None) -> str | None:
    """Return millionths as a decimal text, exactly, such as ``12.5``."""
    return None if micro is None else amount_text(micro)


async def estimate_cost(services: ApiServices, samples: Sequence[RenderedItem], *, items: int) -> PlannedCost:
    """Return what so many items like the samples may cost, each made once.

    Of several channels that serve a model, the dearest counts. Channels that charge different currencies, and
    samples without a price, have no sum: it is unknown.
    """
    found = [await _item_cost(services, sample) for sample in samples]
    currencies = {each.currency for each in found}
    if not found or len(currencies) > 1 or any(each.p90_micro is None for each in found):
        return PlannedCost()
    p50, p90 = (
        -(-sum(getattr(each, name) or 0 for each in found) * items // len(found))
        for name in ("p50_micro", "p90_micro")
    )
    source = max((each.source for each in found), key=_RANK.index)
    return PlannedCost(p50, p90, currencies.pop(), source)


async def vision_cost(services: ApiServices, rules: VisionRules, *, pictures: int) -> PlannedCost:
    """Return what it may cost to ask the vision model about so many pictures."""
    prompt = make_prompt(rules.rules)
    call = RenderedItem(rules.model, prompt, ["asset"], None, None, rules.params, {})
    return await estimate_cost(services, [call], items=pictures)


async def _item_cost(services: ApiServices, item: RenderedItem) -> PlannedCost:
    """Return what one item may cost on the dearest channel that serves its model."""
    costs, found = services.call_costs, list[PlannedCost]()
    for channel in services.settings.all_channels():
        if not channel.enabled or not serves(channel.models, item.model):
            continue
        shape = costs.shape(channel.name, item.request)
        estimate = await costs.estimate(services.database, channel.name, item.model, shape)
        calls = -(-image_count(item.n) // shape.pictures)
        found.append(_times(estimate, calls))
    if not found or len({each.currency for each in found}) > 1:
        return PlannedCost()
    return max(found, key=lambda each: each.p90_micro or 0)


def _times(estimate: CostEstimate, calls: int) -> PlannedCost:
    if estimate.p50 is None or estimate.p90 is None:
        return PlannedCost()
    return PlannedCost(estimate.p50 * calls, estimate.p90 * calls, estimate.currency, estimate.source)


def money_document(campaign: Campaign, totals: Mapping[SpendKey, Spend]) -> dict[str, Any]:
    """Return the budget of a campaign and what was spent of it, in the currency of the budget.

    Without a budget it is the currency of its calls; those in any other one are ``others``. ``totals`` may be
    those of several campaigns.
    """
    by_currency = {
        key.currency: spend
        for key, spend in sorted(totals.items())
        if (key.caller_id, key.campaign) == (campaign.caller_id, campaign.name)
    }
    currency = campaign.currency or next(iter(by_currency), None)
    others = {name: _view(spend) for name, spend in by_currency.items() if name != currency}
    return {
        "currency": currency,
        "limit": amount(campaign.budget_micro),
        **_view(by_currency.get(currency or "", Spend())),
        **({"others": others} if others else {}),
    }


def _view(spend: Spend) -> dict[str, str]:
    return {
        "reserved": amount_text(spend.reserved),
        "settled": amount_text(spend.settled),
        "unknown": amount_text(spend.unknown),
    }


async def has_room(connection: AsyncConnection, campaign: Campaign, budget: Budget | None) -> bool:
    """Return whether something is left of a budget that a campaign is given; without one, there is."""
    if budget is None:
        return True
    totals = await sum_spend(connection, [campaign.caller_id], campaigns=[campaign.name])
    spent = [spend for key, spend in totals.items() if key.currency == budget.currency]
    return sum(each.settled + each.unknown for each in spent) < budget.micro
