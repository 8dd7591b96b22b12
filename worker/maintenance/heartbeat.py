"""Signs of life, and the care for what was left behind."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.exc import SQLAlchemyError

from models.queries.leases import leased_to, list_in_flight, release_worker
from models.queries.workers import beat, forget_worker, lost_workers, orphan_holders
from models.states import FINAL
from worker.maintenance.expiry import expire
from worker.maintenance.reaper import reclaim
from worker.tasks.context import TaskContext

Forget = Callable[[UUID], Awaitable[None]]
_log = structlog.get_logger()
_PAUSE = 1.0  # seconds between sweeps; also how soon a cancelled call is dropped
_UNHEARD = timedelta(seconds=10)  # after which a promise whose message never came is taken back


class Heartbeat:
    """Beats for one worker, sweeps its hand, and reaps lost workers."""

    def __init__(self, context: TaskContext, row: dict[str, Any], forget_lane: Forget) -> None:
        self._bench, self._row, self._forget_lane = context, row, forget_lane
        self._timeout = timedelta(seconds=context.services.settings.worker_timeout)
        self._last_beat = self._steady_since = context.services.clock()

    async def run(self) -> None:
        """Beat until cancelled; outages of the database are waited out."""
        while True:
            try:
                await self.beat_once()
            except (SQLAlchemyError, OSError) as error:
                _log.error("no heartbeat could be written; it is tried again", error=str(error)[:300])
            except Exception:  # noqa: BLE001 - nobody watches at night: the next beat comes
                _log.exception("the care for what was left behind failed; it is tried again")
            await asyncio.sleep(min(_PAUSE, self._timeout.total_seconds() / 4))

    async def beat_once(self) -> None:
        """Say that we live, drop what was cancelled, and take back what was lost."""
        now = self._bench.services.clock()
        stopping = now if self._bench.in_flight.halt.is_set() else None
        async with self._bench.services.database.writing() as connection:
            await beat(connection, {**self._row, "stopping_at": stopping}, now)
        self._bench.in_flight.heartbeat_at = now
        self._note_beat(now)
        await self._sweep(now)
        await expire(self._bench.services.database, now)
        if now - self._steady_since >= self._timeout:
            await self._reap(now)

    def _note_beat(self, now: datetime) -> None:
        """Remember since when we beat without a gap.

        After an outage all heartbeats are old. Whoever is back first must not take the others for lost: they
        are calling, or hold results to write. So nobody is given up before we could have seen them beat.
        """
        if now - self._last_beat > self._timeout / 2:
            self._steady_since = now
        self._last_beat = now

    async def leave(self) -> None:
        """Say goodbye: what is still in hand is taken back at once."""
        async with self._bench.services.database.writing() as connection:
            left = await leased_to(connection, self._bench.worker_id)
            policies = self._bench.services.policies
            await reclaim(connection, left, self._bench.worker_id, policies, self._bench.services.clock())
            await forget_worker(connection, self._bench.worker_id)
        await self._forget_lane(self._bench.worker_id)

    async def _sweep(self, now: datetime) -> None:
        """Compare our hand with the rows."""
        in_flight, worker_id = self._bench.in_flight, self._bench.worker_id
        async with self._bench.services.database.reading() as connection:
            rows = await list_in_flight(connection, worker_id)
        ended = [row.id for row in rows if row.status in FINAL]
        for job_id in ended:
            if task := in_flight.jobs.get(job_id):
                task.cancel()
        dropped = [job_id for job_id in ended if in_flight.jobs.get(job_id) is None]
        stray = [
            row
            for row in rows
            if row.status not in FINAL
            and in_flight.jobs.get(row.id) is None
            and row.leased_at < now - _UNHEARD
            and (row.start_at is None or row.start_at < now - _UNHEARD)
        ]
        gone = set(in_flight.jobs) - {row.id for row in rows}
        for job_id in [
            *dropped,
            *(row.id for row in stray),
            *(key for key in gone if in_flight.jobs[key] is None),
        ]:
            in_flight.drop(job_id)
        if dropped or stray:
            async with self._bench.services.database.writing() as connection:
                await release_worker(connection, dropped, worker_id)
                left = await leased_to(connection, worker_id, [row.id for row in stray])
                left = [
                    row for row in left if in_flight.jobs.get(row.id) is None
                ]  # its message may have come
                await reclaim(connection, left, worker_id, self._bench.services.policies, now)

    async def _reap(self, now: datetime) -> None:
        """Take back what lost workers had in hand."""
        async with self._bench.services.database.reading() as connection:
            lost_call = await lost_workers(connection, now - self._timeout)
            orphans = await orphan_holders(connection)
        for worker_id in (*lost_call, *orphans):
            if worker_id != self._bench.worker_id:
                await self._reap_worker(worker_id, now)

    async def _reap_worker(self, worker_id: UUID, now: datetime) -> None:
        async with self._bench.services.database.writing() as connection:
            lost_call = await forget_worker(connection, worker_id, now - self._timeout)
            if not lost_call and worker_id not in await orphan_holders(connection):
                return  # it has beaten meanwhile
            left = await leased_to(connection, worker_id)
            await reclaim(connection, left, worker_id, self._bench.services.policies, now)
        await self._forget_lane(worker_id)
        _log.warning(
            "a worker was lost; what it had in hand is taken back", worker=str(worker_id), jobs=len(left)
        )
