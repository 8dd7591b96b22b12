"""A darkroom whose channel has prices, and budgets to try them with."""

from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import insert, update

from models.channels import ChannelSettings
from models.ids import new_id
from models.money.money import Money
from models.money.price_book import PriceBook
from models.queries.money.budgets import set_budget
from models.queries.money.spend import Spend, sum_spend
from models.tables import campaigns
from tests.support.darkroom import Darkroom
from worker.money.call_costs import CallCosts


def set_prices(darkroom: Darkroom, **members: Any) -> None:
    """Give all channels these members of their settings, such as ``prices``; for workers made from now on."""
    channels = [
        ChannelSettings.model_validate({**channel.model_dump(), "api_key": channel.api_key, **members})
        for channel in darkroom.services.settings.all_channels()
    ]
    presets = {name: route.preset for name, route in darkroom.services.routes.items()}
    darkroom.services = replace(darkroom.services, call_costs=CallCosts(PriceBook(channels), presets))


async def limit_caller(darkroom: Darkroom, caller: UUID, budget: str | None) -> None:
    """Set or remove the budget of a caller, such as ``0.5USD``."""
    async with darkroom.services.database.writing() as connection:
        await set_budget(connection, [caller], Money.parse(budget) if budget else None)


async def limit_campaign(darkroom: Darkroom, caller: UUID, name: str, budget: str) -> None:
    """Insert a plain campaign with a budget."""
    limit, at = Money.parse(budget), darkroom.clock()
    async with darkroom.services.database.writing() as connection:
        await connection.execute(
            insert(campaigns).values(
                id=new_id(),
                caller_id=caller,
                name=name,
                updated_at=at,
                budget_micro=limit.micro,
                currency=limit.currency,
            )
        )


async def raise_budget(darkroom: Darkroom, name: str, budget: str) -> None:
    """Raise the budget of a campaign, and end its pause."""
    values = {
        "status": "running",
        "closed": None,
        "paused_reason": None,
        "paused_until": None,
        "budget_micro": Money.parse(budget).micro,
    }
    async with darkroom.services.database.writing() as connection:
        await connection.execute(update(campaigns).where(campaigns.c.name == name).values(**values))


async def spend_of(darkroom: Darkroom, caller: UUID) -> dict[tuple[str, str], Spend]:
    """Return a caller's totals by campaign and currency."""
    async with darkroom.services.database.reading() as connection:
        totals = await sum_spend(connection, [caller])
    return {(key.campaign, key.currency): spend for key, spend in totals.items() if spend != Spend()}
