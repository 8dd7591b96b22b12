"""Dispatcher: leases due jobs to this worker, each round in one short transaction, and hands them over."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from models.errors import DatabaseAway
from models.ids import new_id
from models.integrity.database_errors import is_transient
from models.queries.call_stats import count_sent_or_leased
from models.queries.callers import count_usable, lock_shares, save_shares
from models.queries.campaigns.closed import calls_of_campaigns, list_closed, list_limited
from models.queries.campaigns.closed import save_shares as save_campaigns
from models.queries.channels import change_channel, list_channels, lock_channels
from models.queries.leases import any_unstored, calls_in_flight, lease_unstored
from models.queries.scheduling.due_jobs import QueueSegment, list_segments
from models.queries.transitions import Revisions
from models.queries.workers import count_alive
from models.queue_status import WaitReason
from worker.broker.celery_app import GENERATE, STORE
from worker.database_retry import run_forever, wait_for_wake_up
from worker.in_flight import ClosedChannels, InFlightJobs
from worker.lifecycle import JobUpdate, commit, lease
from worker.scheduler.candidates import fetch_candidates, start_budget_of
from worker.scheduler.channel_capacity import HORIZON, ChannelCapacity, closed_reason, in_flight_on
from worker.scheduler.channel_results import read_results
from worker.scheduler.fair_queue import (
    CallerShare,
    DispatchRound,
    Start,
    caller_share_of,
    campaign_share_of,
)
from worker.scheduler.learned_limits import LearnedLimits
from worker.scheduler.poll_interval import PollInterval
from worker.scheduler.rate_limiter import DailyQuota
from worker.scheduler.routing import BY_ORDER, Routing
from worker.services import WorkerServices
from worker.unwritable import commit_separately

CHUNK = 50  #: jobs per message
_MEASURE_AFTER = timedelta(seconds=20)  # how long the results of channels' calls are trusted
_RECOUNT_AFTER = timedelta(seconds=10)  # how long the number of workers is trusted
SendChunk = Callable[[str, Sequence[UUID], UUID], Awaitable[None]]  # task name, jobs, lease token


class Dispatcher:
    """Runs a round on a timer, on a wake-up, and when a slot becomes free."""

    def __init__(
        self, services: WorkerServices, in_flight: InFlightJobs, worker_id: UUID, send_chunk: SendChunk
    ) -> None:
        self._services, self._in_flight = services, in_flight
        self._worker_id, self._send_chunk = worker_id, send_chunk
        self._ageing = timedelta(seconds=services.settings.priority_ageing)
        self.poll_interval = PollInterval(services.settings.dispatch_interval)
        self._counted_at: datetime | None = None
        rules = services.settings.routing_rules
        self._routing = (
            Routing(rules, exploration=services.settings.routing_exploration) if rules else BY_ORDER
        )
        self._measured_at: datetime | None = None

    async def run(self) -> None:
        """Run rounds until cancelled; during an outage of the database, retry."""
        await run_forever(self.run_round, self._pause, name="dispatcher")

    async def _pause(self) -> None:
        await asyncio.sleep(self.poll_interval.backoff(random.random()))
        if not self.poll_interval.misses:
            await wait_for_wake_up(self._in_flight.freed, self.poll_interval.seconds)

    async def run_round(self) -> None:
        """Run one round: lease what can start now."""
        self.poll_interval.begin_round()
        if not self._in_flight.free:
            return
        now = self._services.clock()
        if self._presumed_dead(now):
            return
        async with self._services.database.reading() as connection:
            await self._count_workers(connection, now)
            segments = await list_segments(connection)
            channels = await list_channels(connection)
            await self._measure(connection, channels, now)
            others = [c.id for c in channels if c.configured and not self._knows(c.name)]
            unstored = await any_unstored(connection, now, excluded=others)
        self._in_flight.closed = closed_channels(channels, self._in_flight.closed, now)
        if unstored:
            await self._lease_unstored(others)
        usable = [c.id for c in channels if self._knows(c.name) and not closed_reason(c, "", now)]
        if segments and usable and self._in_flight.free:
            await self._lease(usable, segments)

    def _knows(self, channel: str) -> bool:
        """Return whether this worker's settings name a channel, and do not disable it."""
        route = self._services.routes.get(channel)
        return route is not None and route.settings.enabled

    async def _count_workers(self, connection: AsyncConnection, now: datetime) -> None:
        """Read now and then how many workers poll."""
        if self._counted_at is None or now - self._counted_at > _RECOUNT_AFTER:
            alive_since = now - timedelta(seconds=self._services.settings.worker_timeout)
            self.poll_interval.workers, self._counted_at = await count_alive(connection, alive_since), now

    async def _measure(
        self, connection: AsyncConnection, channels: Sequence[Row[Any]], now: datetime
    ) -> None:
        """Read now and then what policies compare."""
        if not self._routing.rules:
            return
        if self._measured_at is None or now - self._measured_at > _MEASURE_AFTER:
            results = await read_results(connection, [row.name for row in channels if row.configured], now)
            self._routing, self._measured_at = replace(self._routing, results=results), now

    def _presumed_dead(self, now: datetime) -> bool:
        """Return whether other workers may presume this one dead and reclaim its leases: a freeze."""
        heartbeat = self._in_flight.heartbeat_at
        timeout = timedelta(seconds=self._services.settings.worker_timeout)
        return heartbeat is not None and now - heartbeat > timeout / 2

    async def _lease(self, channels: Sequence[UUID], segments: Sequence[QueueSegment]) -> None:
        lease_token = new_id()
        try:
            job_ids = await self._lease_rows(channels, segments, lease_token, commit)
        except Exception as error:
            if isinstance(error, DatabaseAway) or is_transient(error):
                raise
            # a lease that can't be written: once more, with savepoints, so that the others are
            job_ids = await self._lease_rows(channels, segments, lease_token, commit_separately)
        self._in_flight.jobs.update(dict.fromkeys(job_ids))
        for start in range(0, len(job_ids), CHUNK):
            await self._send_chunk(GENERATE, job_ids[start : start + CHUNK], lease_token)

    async def _lease_rows(
        self,
        channels: Sequence[UUID],
        segments: Sequence[QueueSegment],
        lease_token: UUID,
        write: Callable[[AsyncConnection, Sequence[JobUpdate]], Awaitable[Revisions]],
    ) -> list[UUID]:
        async with self._services.database.writing() as connection:
            rows = await lock_channels(connection, channels)
            if not rows:
                self.poll_interval.miss()
            now = self._services.clock()
            rows = [row for row in rows if not closed_reason(row, "", now)]
            if not rows or self._presumed_dead(now):  # a freeze or an outage may have come between
                return []
            starts = await self._assign(connection, rows, segments, now)
            leases = [
                lease(
                    start.job.job_id,
                    lease_token=lease_token,
                    worker=self._worker_id,
                    channel=start.channel,
                    start_at=start.at,
                    at=now,
                )
                for start in starts
            ]
            leased = await write(connection, leases)
            self._in_flight.routing |= {
                start.job.job_id: start.why for start in starts if start.why and start.job.job_id in leased
            }
            return [start.job.job_id for start in starts if start.job.job_id in leased]

    async def _assign(
        self,
        connection: AsyncConnection,
        rows: Sequence[Row[Any]],
        segments: Sequence[QueueSegment],
        now: datetime,
    ) -> list[Start]:
        """Decide what starts, and save the shares and channels for the next round."""
        calls = await calls_in_flight(connection, of_callers=False)
        channels = [ChannelCapacity(row, in_flight_on(row.id, calls), now) for row in rows]
        for row, channel in zip(rows, channels, strict=True):
            if quotas := channel.quotas_to_recount():
                await _recount(connection, row, channel, quotas, now)
        budget = start_budget_of(channels, {segment.model for segment in segments}, now)
        slots = min(self._in_flight.free, budget.total)
        open_segments = [segment for segment in segments if budget.by_model[segment.model]]
        shares = await self._lock_shares(connection, open_segments, now) if slots else ()
        if any(row.concurrency is not None for row in shares):
            calls = await calls_in_flight(connection)  # rounds on other channels may have ended meanwhile
        callers = [
            caller for row in shares if (caller := caller_share_of(row, calls)).may_start(now + HORIZON)
        ]
        await _add_campaigns(connection, callers, now)
        reserved_for = {channel.reserved_for for channel in channels if channel.reservation}
        by_turn = sorted(callers, key=lambda caller: (caller.id not in reserved_for, caller.turn))
        candidates = await fetch_candidates(connection, open_segments, by_turn, slots, budget, now)
        if not candidates:
            return []
        before = {caller.id: _columns(caller) for caller in callers}
        campaigns_before = _campaign_columns(callers)
        starts = DispatchRound(callers, channels, now, slots, self._routing).assign(candidates, self._ageing)
        await save_shares(
            connection,
            [columns for caller in callers if (columns := _columns(caller)) != before[caller.id]],
        )
        await save_campaigns(
            connection, [row for row in _campaign_columns(callers) if row not in campaigns_before]
        )
        for channel in channels:
            if channel.reservation_changed or any(start.channel == channel.id for start in starts):
                await change_channel(connection, channel.id, channel.changes())
        return starts

    async def _lock_shares(
        self, connection: AsyncConnection, segments: Sequence[QueueSegment], now: datetime
    ) -> Sequence[Row[Any]]:
        """Lock the callers whose jobs wait. Those that a round on other channels has locked make a miss.

        Without it, the channels of this round would stay idle until the next poll.
        """
        caller_ids = list({segment.caller_id for segment in segments})
        shares = await lock_shares(connection, caller_ids, now)
        if len(shares) < len(caller_ids) and await count_usable(connection, caller_ids, now) > len(shares):
            self.poll_interval.miss()
        return shares

    async def _lease_unstored(self, excluded: Sequence[UUID]) -> None:
        lease_token = new_id()
        async with self._services.database.writing() as connection:
            taken = await lease_unstored(
                connection,
                worker_id=self._worker_id,
                lease=lease_token,
                at=self._services.clock(),
                limit=self._in_flight.free,
                excluded=excluded,
            )
        self._in_flight.jobs.update(dict.fromkeys(taken))
        for start in range(0, len(taken), CHUNK):
            await self._send_chunk(STORE, taken[start : start + CHUNK], lease_token)


def closed_channels(channels: Sequence[Row[Any]], earlier: ClosedChannels, now: datetime) -> ClosedChannels:
    """Return the closed channels, for the check before each call; the rows were read after ``now``.

    What calls of this worker noted since then is kept.
    """
    stopped = {
        (row.name, model): cause
        for row in channels
        for model in ("", *row.blocked_models)
        if (cause := closed_reason(row, model, now)) and cause.reason is WaitReason.PAUSED
    }
    learned = {row.name: LearnedLimits.from_row(row).possible(now) for row in channels}
    return ClosedChannels(
        stopped,
        {
            (name, model): until
            for name, known in learned.items()
            for model, until in known.cooldowns().items()
        },
        {(row.name, model) for row in channels for model in (*row.breakers, *row.shut_signs)},
        frozenset((name, model) for name, known in learned.items() for model in known.paced()),
    ).with_notes_since(earlier, now)


async def _recount(
    connection: AsyncConnection,
    row: Row[Any],
    channel: ChannelCapacity,
    quotas: Sequence[tuple[str, DailyQuota]],
    now: datetime,
) -> None:
    """Recount daily quotas that seem used up: leases that were released made no calls."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for model, quota in quotas:
        quota.recount(await count_sent_or_leased(connection, row, midnight, model=model), now)
    await change_channel(connection, row.id, channel.changes())


async def _add_campaigns(connection: AsyncConnection, callers: Sequence[CallerShare], now: datetime) -> None:
    """Add to the callers which of their campaigns are closed, and the limits and weights of the others.

    The callers are locked: no other round changes the state of their campaigns meanwhile. A campaign whose
    own limits let nothing start in this round is left out like a closed one.
    """
    if not callers:
        return
    by_id = {caller.id: caller for caller in callers}
    for campaign in await list_closed(connection, now):
        if (caller := by_id.get(campaign.caller_id)) is not None:
            caller.closed |= {campaign.name}
    limited = await list_limited(connection, list(by_id))
    bounded = {row.caller_id for row in limited if row.concurrency is not None}
    in_flight = await calls_of_campaigns(connection, list(bounded)) if bounded else {}
    for row in limited:
        caller, share = (
            by_id[row.caller_id],
            campaign_share_of(row, in_flight.get((row.caller_id, row.name), 0)),
        )
        caller.campaigns[row.name] = share
        if not share.may_start(now + HORIZON):
            caller.closed |= {row.name}


def _campaign_columns(callers: Sequence[CallerShare]) -> list[dict[str, Any]]:
    """Return the columns of campaigns that rounds change."""
    return [
        {
            "caller_id": caller.id,
            "name": name,
            "deficit": share.deficit,
            "next_start_at": datetime.fromisoformat(due)
            if (due := share.limiter.state().get("rpm"))
            else None,
        }
        for caller in callers
        for name, share in caller.campaigns.items()
    ]


def _columns(caller: CallerShare) -> dict[str, Any]:
    """Return the columns of a caller's row that rounds change."""
    campaign, priority = caller.line
    due = caller.limiter.state().get("rpm")
    return {
        "id": caller.id,
        "deficit": caller.deficit,
        "turn": caller.turn,
        "campaign_turn": campaign,
        "priority_turn": priority,
        "next_start_at": datetime.fromisoformat(due) if due else None,
    }
