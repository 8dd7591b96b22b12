"""What a call says about its channel: the rate it allows, whether it works, whether a person must look."""

from collections.abc import Awaitable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from models.database import OUTAGES
from models.outcomes import Outcome, Scope, Verdict
from models.queries.attempts import last_minute
from models.queries.bulk import storable
from models.queries.channels import change_channel, lock_channel
from models.queries.leases import calls_in_flight
from worker.scheduler.adaptive_rate import LastMinute, Learned, crowded, refused, saturated
from worker.scheduler.circuit_breaker import Breaker
from worker.tasks.context import Workbench
from worker.upstream.response_headers import rate_limits

_log = structlog.get_logger()
_SATURATED = "upstream_saturated"
REFUSED = frozenset({"rate_limited", _SATURATED})  #: too many calls in a time
_CROWDED = "concurrency_limited"
_USED_UP = "daily_limit"
_BROKEN = frozenset(
    {"upstream_error", "origin_unreachable", "connect_error", "gateway_timeout", "timeout", "maintenance"}
)
_LONGEST_TOLD = 3600.0  # seconds to rest because of a header at most
_REST = timedelta(seconds=5)  # after a refusal that names no time


async def tell_channel(bench: Workbench, job: Row[Any], verdict: Verdict) -> None:
    """Let the whole channel learn from a call that brought no picture."""
    if _concerns_channel(verdict):
        await _unless_away(_tell_failure(bench, job, verdict))
    elif verdict.outcome in (Outcome.PERMANENT, Outcome.NO_IMAGE):
        await tell_success(bench, job)  # it answers: what it answers concerns the job alone


async def tell_limits(bench: Workbench, job: Row[Any], headers: Mapping[str, str]) -> None:
    """Rest before the provider has to refuse: its headers may say that nothing is left for now."""
    used_up = [
        limit.reset
        for limit in rate_limits(headers).values()
        if limit.remaining == 0 and limit.reset and limit.reset > 0
    ]
    until = bench.tools.clock() + timedelta(seconds=min(max(used_up, default=0), _LONGEST_TOLD))
    if used_up and bench.hand.cooling.get(job.channel, bench.tools.clock()) < until:
        bench.hand.cooling[job.channel] = until
        await _unless_away(_cool(bench, job, until))


async def tell_success(bench: Workbench, job: Row[Any]) -> None:
    """Close the breakers of a channel that works again. Costs nothing while they are closed."""
    if bench.hand.shaky.intersection({(job.channel, ""), (job.channel, job.model)}):
        await _unless_away(_close_breakers(bench, job))


async def _unless_away(telling: Awaitable[None]) -> None:
    """Tell, unless the database is away: what is known of a channel matters less than the job's result."""
    try:
        await telling
    except OUTAGES as error:
        _log.warning("a channel could not be told how a call went", error=str(error)[:300])


async def _tell_failure(bench: Workbench, job: Row[Any], verdict: Verdict) -> None:
    now = bench.tools.clock()
    words = storable(verdict.provider_message or verdict.message)[:500]
    async with bench.tools.database.writing() as connection:
        channel = await lock_channel(connection, job.channel_id, wait=True)
        if channel is None:
            return
        changes = await _changes(connection, channel, job.model, verdict, words, now)
        error = {"code": verdict.code, "message": words, "at": now.isoformat()}
        await change_channel(connection, channel.id, {**changes, "last_error": error, "updated_at": now})
    if until := changes.get("cooldown_until"):
        bench.hand.cooling[job.channel] = until
    said = {"channel": job.channel, "model": job.model, "code": verdict.code, "provider_says": words}
    if verdict.outcome is Outcome.NEEDS_HUMAN:
        what = "this model of a channel" if verdict.scope is Scope.MODEL else "a channel"
        _log.error(f"{what} needs a person: nothing starts there until it is resumed", **said)
    else:
        _log.warning("a channel's call failed", **said)


async def _cool(bench: Workbench, job: Row[Any], until: datetime) -> None:
    async with bench.tools.database.writing() as connection:
        channel = await lock_channel(connection, job.channel_id, wait=True)
        words = "its headers say that nothing is left"
        if channel is not None and (changes := _cooling(channel, until, words)):
            await change_channel(connection, channel.id, changes)


async def _close_breakers(bench: Workbench, job: Row[Any]) -> None:
    async with bench.tools.database.writing() as connection:
        channel = await lock_channel(connection, job.channel_id, wait=True)
        if channel is not None:
            closing = {"", job.model} & channel.breakers.keys()
            left = {name: kept for name, kept in channel.breakers.items() if name not in closing}
            was_open = any(Breaker.from_json(channel.breakers[name]).until for name in closing)
            # it opens now, and begins slowly: all that waited for it is due at once
            opens = _cooling(channel, bench.tools.clock(), "it works again") if was_open else {}
            await change_channel(connection, channel.id, {"breakers": left, **opens})
    bench.hand.shaky -= {(job.channel, ""), (job.channel, job.model)}


def _concerns_channel(verdict: Verdict) -> bool:
    codes = REFUSED | _BROKEN | {_CROWDED, _USED_UP}
    return verdict.outcome is Outcome.NEEDS_HUMAN or verdict.code in codes


async def _changes(
    connection: AsyncConnection, channel: Row[Any], model: str, verdict: Verdict, words: str, now: datetime
) -> Mapping[str, Any]:
    if verdict.outcome is Outcome.NEEDS_HUMAN:
        if verdict.scope is Scope.MODEL:
            return {"blocked_models": {**channel.blocked_models, model: words}}
        return {"tripped_at": now, "tripped_reason": words}
    known = Learned.from_json(channel.learned)
    if verdict.code in REFUSED:
        last = LastMinute(*await last_minute(connection, channel.name, now, REFUSED))
        if verdict.code == _SATURATED and (rested := saturated(known, now, last, verdict.retry_after)):
            return {"learned": rested.to_json(), **_cooling(channel, rested.resumed, words)}
        known = refused(known, now, channel.rpm, last, verdict.retry_after)
        if verdict.limit is not None:
            known = replace(known, told=verdict.limit.calls / (verdict.limit.period / timedelta(minutes=1)))
        return {"learned": known.to_json(), **_cooling(channel, known.resumed, words)}
    if verdict.code == _CROWDED:
        busy = sum(row.calls for row in await calls_in_flight(connection) if row.channel_id == channel.id)
        learned = crowded(known, now, busy).to_json()
        return {"learned": learned, **_cooling(channel, now + (verdict.retry_after or _REST), words)}
    if verdict.code == _USED_UP:
        return _cooling(channel, now + (verdict.retry_after or timedelta(hours=1)), words)
    name = model if verdict.scope is Scope.MODEL else ""
    breaker = Breaker.from_json(channel.breakers.get(name)).failed(now, words)
    return {"breakers": {**channel.breakers, name: breaker.to_json()}}


def _cooling(channel: Row[Any], until: datetime | None, words: str) -> Mapping[str, Any]:
    if until is None or (channel.cooldown_until is not None and channel.cooldown_until >= until):
        return {}
    return {"cooldown_until": until, "cooldown_reason": words}
