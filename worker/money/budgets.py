"""Admit calls to the budgets of their callers and campaigns, in the transaction that writes their attempts.

A call is admitted if what ended calls have cost, what may still be charged, what is in flight and the call's
own reservation fit into the budget. A budget is exceeded by no more than what calls in flight turn out dearer
than they were reserved for.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from models.campaigns.status import PAUSABLE, CampaignStatus, PauseReason
from models.money.money import Money, amount_text
from models.queries.campaigns import campaigns
from models.queries.money.budgets import close_caller, delay_campaign, lock_budgets, read_budgets
from models.queries.money.spend import Spend, SpendKey, sum_spend
from worker.campaigns.pauses import pause_changes

_WAIT = timedelta(seconds=1)  # until calls in flight are looked at again that have reserved all that is left


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetedStart:
    """A call that is about to be sent, for the budgets of its caller and its campaign."""

    job_id: UUID
    caller_id: UUID
    campaign: str | None
    model: str
    channel: str
    reserved: Money | None  #: ``None``: its price is not known


@dataclass(slots=True)
class _Budget:
    """One budget during a transaction: its limit, and what is spent or reserved of it."""

    limit: Money
    spent: int = 0  #: settled, and what may have been charged
    reserved: int = 0
    closed: str | None = None  #: why no further call is admitted until it is changed
    delayed: bool = False  #: calls in flight have reserved what is left

    def refusal(self, start: BudgetedStart, whose: str) -> str | None:
        """Return why it has no room for a call, or ``None``; note whether that may end by itself."""
        cost, limit = start.reserved, self.limit
        if cost is None:
            self.closed = (
                f"The price of {start.model} on {start.channel} is not known, so the budget of {whose} "
                "can't be kept; set prices, or unknown_price = { assume = … }, of the channel."
            )
        elif cost.currency != limit.currency:
            self.closed = (
                f"{start.channel} charges {cost.currency} for {start.model}, and the budget of {whose} is in "
                f"{limit.currency}; currencies are not converted."
            )
        elif self.spent + cost.micro > limit.micro:
            self.closed = (
                f"{amount_text(self.spent)} of {limit} of the budget of {whose} are used up; "
                f"the next call may cost {cost}."
            )
        elif self.spent + self.reserved + cost.micro > limit.micro:
            self.delayed = True
            return f"calls in flight have reserved what is left of the budget of {whose}"
        return self.closed

    def take(self, cost: Money) -> None:
        self.reserved += cost.micro


@dataclass(slots=True)
class _Admission:
    """The budgets that concern one transaction."""

    callers: dict[UUID, _Budget] = field(default_factory=dict)
    campaigns: dict[tuple[UUID, str], _Budget] = field(default_factory=dict)

    def refusal(self, start: BudgetedStart) -> str | None:
        """Reserve a call in its budgets, or return why one of them has no room for it."""
        concerned = [
            (budget, whose)
            for budget, whose in (
                (self.callers.get(start.caller_id), "its caller"),
                (self.campaigns.get((start.caller_id, start.campaign or "")), "its campaign"),
            )
            if budget is not None
        ]
        for budget, whose in concerned:
            if (why := budget.refusal(start, whose)) is not None:
                return why
        for budget, _ in concerned:
            if start.reserved is not None:
                budget.take(start.reserved)
        return None


async def admit(
    connection: AsyncConnection, starts: Sequence[BudgetedStart], at: datetime
) -> dict[UUID, str]:
    """Return why calls are refused, by job. Their reservations hold once their attempts are inserted.

    A campaign whose budget is used up is paused, and a caller is closed; both only delay their calls for a
    moment if calls in flight may leave room when they end.
    """
    caller_ids = {start.caller_id for start in starts}
    await lock_budgets(connection, caller_ids)
    admission = await _read(connection, starts, caller_ids)
    refused = {start.job_id: why for start in starts if (why := admission.refusal(start)) is not None}
    for caller_id, budget in admission.callers.items():
        if budget.closed or budget.delayed:
            until = None if budget.closed else at + _WAIT
            detail = budget.closed or "Calls in flight have reserved what is left of the budget."
            await close_caller(connection, caller_id, at=at, until=until, detail=detail)
    for (caller_id, name), budget in admission.campaigns.items():
        if budget.closed:
            await _pause(connection, caller_id, name, budget.closed, at)
        elif budget.delayed:
            await delay_campaign(connection, caller_id, name, until=at + _WAIT)
    return refused


async def _read(
    connection: AsyncConnection, starts: Sequence[BudgetedStart], caller_ids: set[UUID]
) -> _Admission:
    names = {start.campaign for start in starts if start.campaign}
    budgets = await read_budgets(connection, caller_ids, names)
    only = None if budgets.callers else sorted(names)
    totals = await sum_spend(connection, sorted(caller_ids), campaigns=only)
    found = _Admission()
    for caller_id, limit in budgets.callers.items():
        own = [each for key, each in totals.items() if key[::2] == (caller_id, limit.currency)]
        found.callers[caller_id] = _budget(limit, sum(own, Spend()))
    for (caller_id, name), limit in budgets.campaigns.items():
        spent = totals.get(SpendKey(caller_id, name, limit.currency), Spend())
        found.campaigns[caller_id, name] = _budget(limit, spent)
    return found


def _budget(limit: Money, spent: Spend) -> _Budget:
    return _Budget(limit, spent.settled + spent.unknown, spent.reserved)


async def _pause(connection: AsyncConnection, caller_id: UUID, name: str, detail: str, at: datetime) -> None:
    """Pause a campaign, unless it is paused already or has ended."""
    campaign = await campaigns.find(connection, [caller_id], name=name, lock=True)
    if campaign is None or CampaignStatus(campaign.status) not in PAUSABLE:
        await delay_campaign(connection, caller_id, name, until=at + _WAIT)
        return
    changes = pause_changes(campaign, PauseReason.BUDGET, at=at, by=None, detail=detail)
    await campaigns.change_status(connection, campaign, CampaignStatus.PAUSED, at=at, changes=changes)
