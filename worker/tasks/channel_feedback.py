"""Feed a call's result to its channel: adaptive rate, circuit breaker, cool-down, stop."""

from collections.abc import Awaitable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import OUTAGES
from models.outcomes import CallResult, Outcome, Scope
from models.queries.attempts import last_minute
from models.queries.bulk import storable
from models.queries.channels import change_channel, lock_channel
from models.queries.leases import LeasedJob, calls_in_flight
from worker.scheduler.adaptive_rate import (
    AdaptiveRate,
    LastMinute,
    after_concurrency_limit,
    after_overload,
    after_rate_limit,
)
from worker.scheduler.circuit_breaker import CircuitBreaker
from worker.tasks.context import TaskContext
from worker.upstream.response_headers import rate_limits

_log = structlog.get_logger()
_OVERLOADED = "upstream_saturated"
REFUSED = frozenset({"rate_limited", _OVERLOADED})  #: too many calls in a time
_TOO_MANY_AT_ONCE = "concurrency_limited"
_USED_UP = "daily_limit"
_BROKEN = frozenset(
    {"upstream_error", "origin_unreachable", "connect_error", "gateway_timeout", "timeout", "maintenance"}
)
_LONGEST_RESET = 3600.0  # seconds of a cool-down because of a header at most
_COOLDOWN = timedelta(seconds=5)  # after a refusal that names no time


async def record_failure(context: TaskContext, job: LeasedJob, result: CallResult) -> None:
    """Record a call without an image: what it says about the channel, not about the job."""
    if _concerns_channel(result):
        await _unless_database_away(_record_failure(context, job, result))
    elif result.outcome in (Outcome.PERMANENT, Outcome.NO_IMAGE):
        await record_success(context, job)  # the channel works: the answer concerns the job alone


async def record_rate_headers(context: TaskContext, job: LeasedJob, headers: Mapping[str, str]) -> None:
    """Cool the channel down if the rate-limit headers say that nothing is left, before a call is refused."""
    used_up = [
        limit.reset
        for limit in rate_limits(headers).values()
        if limit.remaining == 0 and limit.reset and limit.reset > 0
    ]
    until = context.services.clock() + timedelta(seconds=min(max(used_up, default=0), _LONGEST_RESET))
    if used_up and context.in_flight.closed.cooling.get(job.channel, context.services.clock()) < until:
        context.in_flight.closed.cooling[job.channel] = until
        await _unless_database_away(_cool(context, job, until))


async def record_success(context: TaskContext, job: LeasedJob) -> None:
    """Close the breakers of a channel that works again. Costs no query while they are closed."""
    if context.in_flight.closed.failing.intersection({(job.channel, ""), (job.channel, job.model)}):
        await _unless_database_away(_close_breakers(context, job))


async def _unless_database_away(write: Awaitable[None]) -> None:
    """Write, unless the database is away: the channel's state matters less than the job's result."""
    try:
        await write
    except OUTAGES as error:
        _log.warning("the result of a call could not be recorded on its channel", error=str(error)[:300])


async def _record_failure(context: TaskContext, job: LeasedJob, result: CallResult) -> None:
    now = context.services.clock()
    words = storable(result.provider_message or result.message)[:500]
    async with context.services.database.writing() as connection:
        channel = await lock_channel(connection, job.channel_id, wait=True)
        if channel is None:
            return
        changes = await _changes(connection, channel, job.model, result, words, now)
        error = {"code": result.code, "message": words, "at": now.isoformat()}
        await change_channel(connection, channel.id, {**changes, "last_error": error, "updated_at": now})
    if until := changes.get("cooldown_until"):
        context.in_flight.closed.cooling[job.channel] = until
    fields = {"channel": job.channel, "model": job.model, "code": result.code, "provider_says": words}
    if result.outcome is Outcome.NEEDS_HUMAN:
        what = "this model of a channel" if result.scope is Scope.MODEL else "a channel"
        _log.error(f"{what} needs a person: nothing starts there until it is resumed", **fields)
    else:
        _log.warning("a channel's call failed", **fields)


async def _cool(context: TaskContext, job: LeasedJob, until: datetime) -> None:
    async with context.services.database.writing() as connection:
        channel = await lock_channel(connection, job.channel_id, wait=True)
        words = "its headers say that nothing is left"
        if channel is not None and (changes := _cooling(channel, until, words)):
            await change_channel(connection, channel.id, changes)


async def _close_breakers(context: TaskContext, job: LeasedJob) -> None:
    async with context.services.database.writing() as connection:
        channel = await lock_channel(connection, job.channel_id, wait=True)
        if channel is not None:
            closing = {"", job.model} & channel.breakers.keys()
            left = {name: state for name, state in channel.breakers.items() if name not in closing}
            was_open = any(CircuitBreaker.from_json(channel.breakers[name]).until for name in closing)
            # slow start from now on: all jobs that waited for the channel are due at once
            opens = _cooling(channel, context.services.clock(), "it works again") if was_open else {}
            await change_channel(connection, channel.id, {"breakers": left, **opens})
    context.in_flight.closed.failing -= {(job.channel, ""), (job.channel, job.model)}


def _concerns_channel(result: CallResult) -> bool:
    codes = REFUSED | _BROKEN | {_TOO_MANY_AT_ONCE, _USED_UP}
    return result.outcome is Outcome.NEEDS_HUMAN or result.code in codes


async def _changes(
    connection: AsyncConnection, channel: Row[Any], model: str, result: CallResult, words: str, now: datetime
) -> Mapping[str, Any]:
    if result.outcome is Outcome.NEEDS_HUMAN:
        if result.scope is Scope.MODEL:
            return {"blocked_models": {**channel.blocked_models, model: words}}
        return {"tripped_at": now, "tripped_reason": words}
    known = AdaptiveRate.from_json(channel.learned)
    if result.code in REFUSED:
        last = LastMinute(*await last_minute(connection, channel.name, now, REFUSED))
        if result.code == _OVERLOADED and (rested := after_overload(known, now, last, result.retry_after)):
            return {"learned": rested.to_json(), **_cooling(channel, rested.resumed, words)}
        known = after_rate_limit(known, now, channel.rpm, last, result.retry_after)
        if result.limit is not None:
            known = replace(known, told=result.limit.calls / (result.limit.period / timedelta(minutes=1)))
        return {"learned": known.to_json(), **_cooling(channel, known.resumed, words)}
    if result.code == _TOO_MANY_AT_ONCE:
        busy = sum(row.calls for row in await calls_in_flight(connection) if row.channel_id == channel.id)
        learned = after_concurrency_limit(known, now, busy).to_json()
        return {"learned": learned, **_cooling(channel, now + (result.retry_after or _COOLDOWN), words)}
    if result.code == _USED_UP:
        return _cooling(channel, now + (result.retry_after or timedelta(hours=1)), words)
    name = model if result.scope is Scope.MODEL else ""
    breaker = CircuitBreaker.from_json(channel.breakers.get(name)).with_failure(now, words)
    return {"breakers": {**channel.breakers, name: breaker.to_json()}}


def _cooling(channel: Row[Any], until: datetime | None, words: str) -> Mapping[str, Any]:
    if until is None or (channel.cooldown_until is not None and channel.cooldown_until >= until):
        return {}
    return {"cooldown_until": until, "cooldown_reason": words}
