"""Estimates of queue position and ETA, and the cached scheduler snapshot they are made of."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from models.clock import rfc3339
from models.database import Database
from models.queries.call_stats import newest_calls
from models.queries.scheduling.due_jobs import QueueSegment, list_segments
from models.queries.scheduling.queue_position import list_shares
from models.queries.scheduling.snapshot import read_snapshot
from models.queue_status import QueuedJob, SchedulerSnapshot, WaitStatus
from worker.scheduler.eta import CALL, CallDurations, Eta, eta_of
from worker.scheduler.fair_queue import CallerShare, caller_share_of
from worker.scheduler.queue_position import DueJob, QueuePosition, QueueSnapshot, positions_of
from worker.scheduler.wait_reason import SchedulerView

_QUEUE_TTL, _DURATIONS_TTL = timedelta(seconds=1), timedelta(seconds=10)
_SNAPSHOT_TTL, _SNAPSHOT_MAX_TTL, _SHARE = timedelta(milliseconds=250), timedelta(seconds=1), 5
_SAMPLE_AGE = timedelta(hours=1)
_POSITIONS_PER_SECOND = 200.0  # of caching: a position costs as much to find as it is far behind
_MAX_TTL = 30.0  # seconds that a position is cached at most
_MAX_CACHED = 10_000  # jobs


@dataclass(frozen=True, slots=True)
class Estimate:
    """A job's queue position and ETA, as of ``at``."""

    at: datetime
    position: QueuePosition | None
    eta: Eta

    def to_json(self) -> dict[str, Any]:
        """Return the members of a job's JSON."""
        return {
            "queue_position": self.position.overall if self.position else None,
            "queue_position_capped": bool(self.position and self.position.capped),
            "eta": eta_view(self.eta, self.at),
        }


def eta_view(eta: Eta, at: datetime) -> dict[str, Any]:
    """Return an ETA as JSON: in seconds, and as times."""
    return {
        "p50": None if eta.p50 is None else round(eta.p50, 1),
        "p90": None if eta.p90 is None else round(eta.p90, 1),
        "p50_at": None if eta.p50 is None else rfc3339(at + timedelta(seconds=eta.p50)),
        "p90_at": None if eta.p90 is None else rfc3339(at + timedelta(seconds=eta.p90)),
        "limiting_factor": eta.limiting_factor,
    }


class Estimates:
    """Makes estimates; caches them and their inputs for some seconds, however many clients poll."""

    def __init__(self, priority_ageing: float) -> None:
        self._ageing = timedelta(seconds=priority_ageing)
        self._queue: tuple[datetime, Sequence[QueueSegment], Sequence[CallerShare]] | None = None
        self._durations: tuple[datetime, Mapping[str, CallDurations]] | None = None
        self._estimates: dict[UUID, tuple[datetime, int, str, Estimate]] = {}

    def clear(self) -> None:
        """Empty the cache."""
        self._queue = self._durations = None
        self._estimates.clear()

    async def estimate_queued(
        self,
        connection: AsyncConnection,
        queued: Sequence[tuple[Any, QueuedJob, WaitStatus]],
        view: SchedulerView,
    ) -> dict[UUID, Estimate]:
        """Return the estimates of queued jobs: of their rows, with what the scheduler knows of them."""
        found = {row.id: known for row, _, status in queued if (known := self._cached(row, status, view.at))}
        others = [each for each in queued if each[0].id not in found]
        due = [row for row, _, _ in others if _is_due(row, view)]
        positions = await self._positions(connection, due, view)
        durations = await self.durations(connection, view) if others else {}
        if len(self._estimates) + len(others) > _MAX_CACHED:
            self._estimates.clear()
        for row, job, status in others:
            position = positions.get(row.id)
            estimate = Estimate(view.at, position, eta_of(job, status, position, view, durations))
            seconds = min(max(position.overall / _POSITIONS_PER_SECOND if position else 1.0, 1.0), _MAX_TTL)
            until = view.at + timedelta(seconds=seconds)
            self._estimates[row.id] = (until, row.revision, status.reason, estimate)
            found[row.id] = estimate
        return found

    def _cached(self, row: Any, status: WaitStatus, at: datetime) -> Estimate | None:
        known = self._estimates.get(row.id)
        is_fresh = known is not None and at < known[0] and known[1:3] == (row.revision, status.reason)
        return known[3] if known is not None and is_fresh else None

    async def estimate_running(
        self, connection: AsyncConnection, channel: str, sent_at: datetime, view: SchedulerView
    ) -> Estimate | None:
        """Return the estimate of a running job; ``None`` without recent calls of its channel."""
        calls = (await self.durations(connection, view)).get(channel)
        if calls is None:
            return None
        spent = (view.at - sent_at).total_seconds()
        eta = Eta(max(calls.p50 - spent, 0.0), max(calls.p90 - spent, 0.0), CALL)
        return Estimate(view.at, None, eta)

    async def queue_snapshot(
        self, connection: AsyncConnection, model: str, view: SchedulerView
    ) -> QueueSnapshot:
        """Return the segments and callers that compete for the channels of a model."""
        segments, callers = await self._callers(connection, view.at)
        models = {
            other for other in {segment.model for segment in segments} if view.share_channel(model, other)
        }
        able = {caller.id for caller in callers}
        competing = [segment for segment in segments if segment.model in models and segment.caller_id in able]
        present = {segment.caller_id for segment in competing}
        return QueueSnapshot(
            competing,
            [caller for caller in callers if caller.id in present],
            view.at,
            self._ageing,
            frozenset((each.caller_id, each.name) for each in view.snapshot.closed),
        )

    async def segments(self, connection: AsyncConnection, at: datetime) -> Sequence[QueueSegment]:
        """Return all segments that have queued jobs."""
        return (await self._callers(connection, at))[0]

    async def _callers(
        self, connection: AsyncConnection, at: datetime
    ) -> tuple[Sequence[QueueSegment], Sequence[CallerShare]]:
        if self._queue is None or not timedelta() <= at - self._queue[0] < _QUEUE_TTL:
            segments = await list_segments(connection)
            shares = await list_shares(connection, list({segment.caller_id for segment in segments}), at)
            self._queue = (at, segments, [caller_share_of(row, ()) for row in shares])
        return self._queue[1:]

    async def durations(
        self, connection: AsyncConnection, view: SchedulerView
    ) -> Mapping[str, CallDurations]:
        """Return the durations of each channel's calls of the last hour."""
        at = view.at
        if self._durations is None or not timedelta() <= at - self._durations[0] < _DURATIONS_TTL:
            names = [row.name for row, _ in view.channels]
            found = {
                name: CallDurations.from_calls(await newest_calls(connection, name, at - _SAMPLE_AGE))
                for name in names
            }
            self._durations = (at, {name: calls for name, calls in found.items() if calls is not None})
        return self._durations[1]

    async def _positions(
        self, connection: AsyncConnection, rows: Sequence[Any], view: SchedulerView
    ) -> dict[UUID, QueuePosition]:
        """Return the positions of due jobs."""
        if not rows:
            return {}
        known = await self.segments(connection, view.at)
        if not {QueueSegment(row.model, row.caller_id, row.priority) for row in rows} <= set(known):
            self._queue = None  # one was submitted a moment ago
        snapshots = {
            model: await self.queue_snapshot(connection, model, view) for model in {row.model for row in rows}
        }
        due = [(_due_job(row), snapshots[row.model]) for row in rows]
        positions = await positions_of(connection, due)
        return {row.id: position for row, position in zip(rows, positions, strict=True)}


def _is_due(row: Any, view: SchedulerView) -> bool:
    """Return whether a queued job has a position: neither its time, its caller nor its campaign keeps it."""
    able = view.keyless(row.caller_id) is None
    return bool(row.not_before <= view.at and able) and (
        view.closed_campaign(row.caller_id, row.campaign) is None
    )


def _due_job(row: Any) -> DueJob:
    line = (row.campaign if isinstance(row.campaign, str) else "", row.priority)
    return DueJob(row.id, row.caller_id, line, row.not_before)


class SnapshotCache:
    """Caches the scheduler snapshot for a moment, however many clients poll.

    ``worker_timeout``: seconds without a heartbeat after which a worker is presumed dead.
    """

    def __init__(self, worker_timeout: float) -> None:
        self._worker_timeout = timedelta(seconds=worker_timeout)
        self._snapshot: SchedulerSnapshot | None = None
        self._read_at: datetime | None = None
        self._age = _SNAPSHOT_TTL
        self._reads, self._waits = asyncio.Lock(), asyncio.Lock()

    def cached(self, at: datetime) -> SchedulerSnapshot | None:
        """Return the cached snapshot, if it is fresh."""
        fresh = self._read_at is not None and abs(at - self._read_at) < self._age
        return self._snapshot if fresh else None

    def clear(self) -> None:
        """Empty the cache, after a change."""
        self._snapshot = None

    async def read(self, database: Database, at: datetime) -> SchedulerSnapshot:
        """Return the snapshot as ``refresh`` does; those that wait for it hold no connection."""
        if (snapshot := self.cached(at)) is not None:
            return snapshot
        async with self._waits:
            if (snapshot := self.cached(at)) is not None:
                return snapshot
            async with database.reading() as connection:
                return await self.refresh(connection, at)

    async def refresh(self, connection: AsyncConnection, at: datetime) -> SchedulerSnapshot:
        """Return the cached snapshot, or read a new one; of many that want one, one reads it.

        It stays for ``_SHARE`` times as long as the reading took, within limits: a busy database is not asked
        all the time.
        """
        if (snapshot := self.cached(at)) is not None:
            return snapshot
        async with self._reads:
            snapshot = self.cached(at)
            if snapshot is None:
                start = monotonic()
                snapshot = await read_snapshot(connection, at=at, alive_since=at - self._worker_timeout)
                # the first reading compiles its statement, too, which says nothing of the database
                took = timedelta(seconds=monotonic() - start if self._read_at else 0)
                self._snapshot, self._read_at, self._age = (
                    snapshot,
                    at,
                    min(max(_SNAPSHOT_TTL, _SHARE * took), _SNAPSHOT_MAX_TTL),
                )
            return snapshot
