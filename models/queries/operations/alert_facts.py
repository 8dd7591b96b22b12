"""What alert rules look at, as one set of reads once a minute."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.campaigns.status import PauseReason
from models.operations.alert_rules import AlertFacts, Budget
from models.queries.money.spend import Spend, sum_spend
from models.queries.operations.installation_state import (
    SpentAmount,
    count_ended,
    count_unpriced,
    read_state,
    sent_since,
    spent_since,
)
from models.tables import attempts, callers, campaigns, jobs

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_DAYS = 7  # of which the same hour is compared


async def read_facts(
    connection: AsyncConnection,
    at: datetime,
    *,
    worker_timeout: timedelta,
    storage_free: int | None,
    broker_error: str | None,
) -> AlertFacts:
    """Read what the rules look at."""
    state = await read_state(connection, at)
    due = [queue.oldest_due for queue in state.queues.values() if queue.oldest_due is not None]
    lately = await count_ended(connection, at - timedelta(minutes=5))
    alive = [each for each in state.workers if each.heartbeat_at >= at - worker_timeout and not each.stopping]
    return AlertFacts(
        at=at,
        due_jobs=sum(queue.due for queue in state.queues.values()),
        oldest_due=min(due, default=None),
        calls_lately=sum(lately.values()) + sum(state.calls.values()),
        workers=len(alive),
        stopped_channels=[row.name for row in state.channels if row.configured and row.tripped_at],
        calls=await count_ended(connection, at - timedelta(minutes=10)),
        spent_hour=_by_outcome(await spent_since(connection, at - _HOUR)),
        spent_day=_by_outcome(await spent_since(connection, at - _DAY)),
        spent_before=await _earlier(connection, at),
        budgets=await _budgets(connection, at),
        unpriced=await count_unpriced(connection, at - _DAY),
        oldest_webhook=state.webhooks.oldest,
        storage_free=storage_free,
        failing_campaigns=await _failing(connection),
        held=state.jobs.get("held", 0),
        broker_error=broker_error,
    )


def _by_outcome(amounts: Sequence[SpentAmount]) -> dict[tuple[str, str], int]:
    return {(each.currency, each.outcome): each.micro for each in amounts}


async def _earlier(connection: AsyncConnection, at: datetime) -> Mapping[str, Sequence[int]]:
    """Return what this hour of each of the last days cost, by currency; days without calls are left out."""
    found: dict[str, list[int]] = {}
    for day in range(1, _DAYS + 1):
        end = at - day * _DAY
        sums: dict[str, int] = {}
        for each in await spent_since(connection, end - _HOUR, end):
            sums[each.currency] = sums.get(each.currency, 0) + each.micro
        for currency, micro in sums.items():
            found.setdefault(currency, []).append(micro)
    return found


async def _budgets(connection: AsyncConnection, at: datetime) -> list[Budget]:
    """Return the budgets of callers, and of campaigns that are under way."""
    own = select(callers.c.id, callers.c.name, callers.c.budget_micro, callers.c.budget_currency)
    of_callers = (await connection.execute(own.where(callers.c.budget_micro.is_not(None)))).all()
    here = campaigns.c
    query = select(here.caller_id, here.name, here.budget_micro, here.currency)
    open_ = here.budget_micro.is_not(None), here.finished_at.is_(None)
    of_campaigns = (await connection.execute(query.where(*open_))).all()
    owners = list({row[0] for row in (*of_callers, *of_campaigns)})
    if not owners:
        return []
    totals = await sum_spend(connection, owners)
    hour = await _last_hour(connection, owners, at)
    found = []
    for caller_id, name, limit, currency in of_callers:
        own_totals = [
            each for key, each in totals.items() if (key.caller_id, key.currency) == (caller_id, currency)
        ]
        spent = sum(map(_all, own_totals))
        recent = sum(micro for key, micro in hour.items() if key[0] == caller_id and key[2] == currency)
        found.append(Budget(name, limit, spent, recent))
    for caller_id, name, limit, currency in of_campaigns:
        spent = sum(_all(each) for key, each in totals.items() if tuple(key) == (caller_id, name, currency))
        found.append(Budget(name, limit, spent, hour.get((caller_id, name, currency), 0)))
    return found


def _all(spend: Spend) -> int:
    return spend.reserved + spend.settled + spend.unknown


async def _last_hour(
    connection: AsyncConnection, owners: Sequence[object], at: datetime
) -> dict[tuple[object, str, str], int]:
    """Return what the calls of the last hour cost, by caller, campaign and currency."""
    campaign = func.coalesce(jobs.c.campaign, "")
    by = (jobs.c.caller_id, campaign, attempts.c.currency)
    query = (
        select(*by, func.sum(attempts.c.cost_micro))
        .join(jobs, jobs.c.id == attempts.c.job_id)
        .where(*await sent_since(connection, at - _HOUR), attempts.c.cost_micro > 0)
        .where(jobs.c.caller_id.in_(owners))
        .group_by(*by)
    )
    return {(row[0], row[1], row[2]): int(row[3]) for row in await connection.execute(query)}


async def _failing(connection: AsyncConnection) -> list[str]:
    here = campaigns.c
    query = select(here.name).where(here.paused_reason == PauseReason.FAILING.value)
    return sorted(await connection.scalars(query))
