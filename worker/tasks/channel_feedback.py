"""Feed a call's result to its channel: adaptive rate, circuit breaker, cool-down, stop."""

from collections.abc import Awaitable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from models.errors import DatabaseAway
from models.outcomes import CallResult, Outcome, Scope, Sign
from models.queries.attempts import ended_calls, recent_calls
from models.queries.bulk import storable
from models.queries.callers import has_other_callers
from models.queries.channels import change_channel, lock_channel
from models.queries.leases import LeasedJob, calls_in_flight
from worker.scheduler.adaptive_rate import HISTORY
from worker.scheduler.channel_capacity import in_flight_on
from worker.scheduler.circuit_breaker import CircuitBreaker, FailingJobs
from worker.scheduler.learned_limits import (
    LearnedLimits,
    Refusal,
    after_crowding,
    after_named,
    after_refusal,
)
from worker.scheduler.shut_signs import ShutSign, read_signs, with_sign
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
_UNREACHABLE = frozenset({"origin_unreachable", "connect_error", "maintenance"})  # for every model
_SAMPLE_AGE = timedelta(minutes=10)  # of the calls by which a failure is judged
#: kinds of a dead account: only a person can open the channel again; others are probed
_ACCOUNT_DEAD = frozenset({"auth_invalid", "auth_expired", "quota_exhausted", "account_blocked"})
_LONGEST_RESET = 3600.0  # seconds of a cool-down because of a header at most
_COOLDOWN = timedelta(seconds=5)  # after a refusal that names no time


async def record_failure(context: TaskContext, job: LeasedJob, result: CallResult) -> None:
    """Record a call without an image: what it says about the channel, not about the job.

    Words of a good answer say nothing: its caller may have asked for them. Other callers see our words.
    """
    if result.sign is Sign.CONTENT:
        _log.warning("an answer reads like a failure", channel=job.channel, code=result.code)
    elif _concerns_channel(result):
        await _unless_database_away(_record_failure(context, job, result))
    elif result.outcome in (Outcome.PERMANENT, Outcome.NO_IMAGE):
        await record_success(context, job)  # the channel works: the answer concerns the job alone


async def record_rate_headers(context: TaskContext, job: LeasedJob, headers: Mapping[str, str]) -> None:
    """Cool the model down if the rate-limit headers say that nothing is left, before a call is refused."""
    used_up = [
        limit.reset
        for limit in rate_limits(headers).values()
        if limit.remaining == 0 and limit.reset and limit.reset > 0
    ]
    now, closed = context.services.clock(), context.in_flight.closed
    until = now + timedelta(seconds=min(max(used_up, default=0), _LONGEST_RESET))
    if used_up and closed.cooling.get((job.channel, job.model), now) < until:
        closed.cool(job.channel, job.model, until, now)
        await _unless_database_away(_cool(context, job, until))


async def record_success(context: TaskContext, job: LeasedJob) -> None:
    """Close the breakers of a channel that works again. Costs no query while they are closed."""
    if context.in_flight.closed.failing.intersection({(job.channel, ""), (job.channel, job.model)}):
        await _unless_database_away(_close_breakers(context, job))


async def _unless_database_away(write: Awaitable[None]) -> None:
    """Write, unless the database is away: the channel's state matters less than the job's result."""
    try:
        await write
    except DatabaseAway as error:
        _log.warning("the result of a call could not be recorded on its channel", error=str(error)[:300])


async def _record_failure(context: TaskContext, job: LeasedJob, result: CallResult) -> None:
    now, reason = context.services.clock(), result.message
    words = storable(result.provider_message or result.message)[:500]
    if result.channel_rest is not None:
        result = replace(result, retry_after=result.channel_rest)
    async with context.services.database.writing() as connection:
        channel = await lock_channel(connection, job.channel_id, wait=True)
        if channel is None:
            return
        before = LearnedLimits.from_row(channel).possible(now)
        after = await _learned(connection, channel, before, job.model, result, reason, now)
        changes: Mapping[str, Any] = {}
        if after is before:  # it concerns no limit
            after = before.having(job.model, before.of(job.model), now)
            changes = await _changes(connection, channel, job, result, reason, now)
        gone = before.models.keys() - after.models.keys()  # callers may name any number of models
        for column in ("blocked_models", "breakers") if gone else ():
            states = changes.get(column, getattr(channel, column))
            changes = {**changes, column: {name: states[name] for name in states.keys() - gone}}
        changes = {**after.columns(), **changes}
        error = {"code": result.code, "message": words, "at": now.isoformat()}
        await change_channel(connection, channel.id, {**changes, "last_error": error, "updated_at": now})
    _note_cooldowns(context, job.channel, before, after)
    fields = {"channel": job.channel, "model": job.model, "code": result.code, "provider_says": words}
    if result.outcome is Outcome.NEEDS_HUMAN:
        what = "this model of a channel" if result.scope is Scope.MODEL else "a channel"
        _log.error(f"{what} needs a person: {_what_follows(changes)}", **fields)
    else:
        _log.warning("a channel's call failed", **fields)


def _note_cooldowns(context: TaskContext, channel: str, before: LearnedLimits, after: LearnedLimits) -> None:
    for model, until in after.cooldowns().items() - before.cooldowns().items():
        context.in_flight.closed.cool(channel, model, until, context.services.clock())


async def _cool(context: TaskContext, job: LeasedJob, until: datetime) -> None:
    now = context.services.clock()
    async with context.services.database.writing() as connection:
        channel = await lock_channel(connection, job.channel_id, wait=True)
        if channel is None:
            return
        before = LearnedLimits.from_row(channel).possible(now)
        after = before.cooled(job.model, now, until, "its headers say that nothing is left")
        if after is not before:
            await change_channel(connection, channel.id, after.columns())
    _note_cooldowns(context, job.channel, before, after)


async def _close_breakers(context: TaskContext, job: LeasedJob) -> None:
    async with context.services.database.writing() as connection:
        channel = await lock_channel(connection, job.channel_id, wait=True)
        if channel is not None:
            closing = {"", job.model} & channel.breakers.keys()
            left = {name: state for name, state in channel.breakers.items() if name not in closing}
            signs = {name: sign for name, sign in channel.shut_signs.items() if name not in ("", job.model)}
            now = context.services.clock()
            learned = LearnedLimits.from_row(channel).possible(now)
            for name in closing:
                breaker = CircuitBreaker.from_json(channel.breakers[name])
                if breaker.opened:  # slow start from now on: all jobs that waited for it are due at once
                    learned = learned.cooled(name, breaker.opened, now, "it works again")
            await change_channel(
                connection, channel.id, {"breakers": left, "shut_signs": signs, **learned.columns()}
            )
    context.in_flight.closed.failing -= {(job.channel, ""), (job.channel, job.model)}


def _concerns_channel(result: CallResult) -> bool:
    codes = REFUSED | _BROKEN | {_TOO_MANY_AT_ONCE, _USED_UP}
    return result.outcome is Outcome.NEEDS_HUMAN or result.code in codes


async def _learned(
    connection: AsyncConnection,
    channel: Row[Any],
    known: LearnedLimits,
    model: str,
    result: CallResult,
    words: str,
    now: datetime,
) -> LearnedLimits:
    """Return what is known of the channel's limits after this call; ``known`` itself if it says nothing."""
    whole = None if result.scope is None else result.scope is not Scope.MODEL
    refusal = Refusal(model, now, words, result.retry_after, whole, result.code == _OVERLOADED)
    if result.code in REFUSED:
        calls = await recent_calls(connection, channel.name, now, REFUSED, HISTORY)
        model_rpm = channel.limits.get(model, {}).get("rpm")
        known = after_refusal(known, refusal, calls, rpm=channel.rpm, model_rpm=model_rpm)
        if result.limit is not None:
            rpm = result.limit.calls / (result.limit.period / timedelta(minutes=1))
            known = after_named(known, refusal, rpm)
    elif result.code == _TOO_MANY_AT_ONCE:
        busy = in_flight_on(channel.id, await calls_in_flight(connection)).by_model
        known = after_crowding(known, refusal, busy, result.retry_after or _COOLDOWN)
    elif result.code == _USED_UP:
        until = now + (result.retry_after or timedelta(hours=1))
        known = known.cooled(model, now, until, words)  # other models may have quotas of their own
    return known


async def _changes(
    connection: AsyncConnection,
    channel: Row[Any],
    job: LeasedJob,
    result: CallResult,
    words: str,
    now: datetime,
) -> Mapping[str, Any]:
    if result.outcome is Outcome.NEEDS_HUMAN:
        return await _shutting(connection, channel, job, result, now)
    return {"breakers": await _breakers(connection, channel, job, result, words, now)}


async def _breakers(
    connection: AsyncConnection,
    channel: Row[Any],
    job: LeasedJob,
    result: CallResult,
    words: str,
    now: datetime,
) -> Mapping[str, Any]:
    """Return the channel's breakers after a failure of its provider, or of one model.

    What does not concern every model is charged to the job's model; if jobs of several models fail, to all.
    """
    calls = await ended_calls(connection, channel.name, now - _SAMPLE_AGE, _BROKEN)
    everything = FailingJobs.among(calls, now)
    breakers = {
        name: CircuitBreaker.from_json(state).possible(now) for name, state in channel.breakers.items()
    }
    of_all = result.code in _UNREACHABLE or result.scope in (Scope.KEY, Scope.PROVIDER)
    if not of_all and result.scope is not Scope.MODEL:
        probing = "" in breakers and breakers[""].until is not None
        of_all = probing or (everything.enough and everything.models > 1)
    name = "" if of_all else job.model
    own = everything if of_all else FailingJobs.among([call for call in calls if call.model == name], now)
    breaker = breakers.get(name, CircuitBreaker())
    breakers[name] = breaker.with_failure(now, words, own, again=job.next_number > 1)
    return {
        name: breaker.to_json() for name, breaker in breakers.items() if breaker.failures or breaker.until
    }


async def _shutting(
    connection: AsyncConnection, channel: Row[Any], job: LeasedJob, result: CallResult, now: datetime
) -> Mapping[str, Any]:
    """Shut a channel or a model on it, or keep the first sign until a second one confirms it.

    A dead account and a model that the provider does not serve wait for a person; anything else is probed.
    """
    name = job.model if result.scope is Scope.MODEL else ""
    breaker = CircuitBreaker.from_json(channel.breakers.get(name)).possible(now)
    if result.sign is Sign.CERTAIN and name:
        return {"blocked_models": {**channel.blocked_models, name: result.message}}
    if result.sign is Sign.CERTAIN and result.code in _ACCOUNT_DEAD:
        return {"tripped_at": now, "tripped_reason": result.message}
    sign, signs = (
        ShutSign(result.code or "", str(job.caller_id), str(job.id), now),
        read_signs(channel.shut_signs),
    )
    if result.sign is Sign.WORDS and breaker.until is None:
        first = signs.get(name)
        only_caller = not await has_other_callers(connection, job.caller_id)
        if first is None or not sign.confirms(first, only_caller=only_caller):
            return {"shut_signs": with_sign(signs, name, sign)}
    return {"breakers": {**channel.breakers, name: breaker.shut(now, result.message).to_json()}}


def _what_follows(changes: Mapping[str, Any]) -> str:
    if "shut_signs" in changes:
        return "nothing is closed before another call says the same"
    if "breakers" in changes:
        return "nothing starts there until one call, after a pause, finds it working"
    return "nothing starts there until it is resumed"
