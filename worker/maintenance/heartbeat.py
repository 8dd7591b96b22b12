"""Heartbeat of this worker; sweeps its leases, ends expired jobs and reaps dead workers."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog

from models.integrity.unreadable import Unreadable
from models.queries.channels import end_pauses, list_channels, sync_channels
from models.queries.database_time import measure
from models.queries.leases import leased_to, list_in_flight, release_worker
from models.queries.workers import delete_worker, write_heartbeat
from models.states import FINAL
from worker.database_retry import run_forever
from worker.maintenance.channel_registration import log_disagreements, refresh_configured
from worker.maintenance.expiry import expire_overdue
from worker.maintenance.process_locks import ProcessLocks
from worker.maintenance.reaper import DeleteQueue, Reaper, reclaim
from worker.metrics.upkeep_metrics import Repair, repaired
from worker.scheduler.dispatcher import closed_channels
from worker.services import images_per_call
from worker.tasks.context import TaskContext

_log = structlog.get_logger()
_PAUSE = 1.0  # seconds between heartbeats at most; also how soon a cancel or a pause is noticed
_REGISTRATION = timedelta(seconds=10)  # between two checks which channels live workers know
_UNSTARTED = timedelta(seconds=10)  # after which a lease whose message never came is released


class Heartbeat:
    """Writes this worker's heartbeat, and does what is due at the same pace."""

    def __init__(
        self,
        context: TaskContext,
        row: dict[str, Any],
        delete_queue: DeleteQueue,
        locks: ProcessLocks,
        *,
        broker_error: Callable[[], str | None] = lambda: None,
        stop: Callable[[], None] | None = None,
    ) -> None:
        """``stop``: called once when a person asks this worker to stop; ``None``: it can't be."""
        self._context, self._broker_error, self._stop = context, broker_error, stop
        self._row = {**row, "takes_stop": stop is not None}
        self._timeout = timedelta(seconds=context.services.settings.worker_timeout)
        self._registered_at: datetime | None = None
        self._reaper = Reaper(context.services, context.worker_id, delete_queue, locks)

    async def run(self) -> None:
        """Beat until cancelled."""
        await run_forever(self.beat, self._pause, name="heartbeat", pause_after_failure=0.0)

    async def _pause(self) -> None:
        await asyncio.sleep(min(_PAUSE, self._timeout.total_seconds() / 4))

    async def beat(self) -> None:
        """Write the heartbeat, read which channels are closed, drop cancelled and end expired jobs, reap."""
        now = self._context.services.clock()
        stopping = now if self._context.in_flight.halt.is_set() else None
        async with self._context.services.database.writing() as connection:
            own = {"stopping_at": stopping, "broker_error": self._broker_error()}
            is_requested = await write_heartbeat(connection, {**self._row, **own}, now)
        if is_requested and (stop := self._stop) is not None:
            self._stop = None
            _log.info("the worker is asked to stop; it finishes its calls in flight")
            stop()
        self._context.in_flight.heartbeat_at = now
        self._reaper.note_heartbeat(now)
        await self._refresh_configured_channels(now)
        await self._refresh_closed_channels(now)
        await self._sweep(now)
        await expire_overdue(self._context.services.database, now)
        await self._reaper.reap(now)

    async def register(self) -> None:
        """Write this worker's row and its channels, and reap workers that have ended on this machine.

        Where live workers disagree about a channel, it is logged.
        """
        services = self._context.services
        now = services.clock()
        async with services.database.writing() as connection:
            await write_heartbeat(connection, {**self._row, "stopping_at": None}, now)
            counts = images_per_call(services.routes)
            await sync_channels(connection, services.settings.all_channels(), now, images_per_call=counts)
            await refresh_configured(connection, now - self._timeout)
        self._registered_at = now
        await self._reaper.reap_ended(now)
        await log_disagreements(services.database, now - self._timeout)
        await self.beat()

    async def leave(self) -> None:
        """Reclaim this worker's own jobs at once, and delete its row."""
        services, worker_id = self._context.services, self._context.worker_id
        async with services.database.writing() as connection:
            jobs = await leased_to(connection, worker_id)
            await reclaim(connection, jobs, worker_id, services.policies, services.clock())
            await delete_worker(connection, worker_id)

    async def _refresh_configured_channels(self, now: datetime) -> None:
        """See now and then to it that exactly the channels that live workers know count as configured."""
        if self._registered_at is None or now - self._registered_at > _REGISTRATION:
            async with self._context.services.database.writing() as connection:
                await refresh_configured(connection, now - self._timeout)
            self._registered_at = now

    async def _refresh_closed_channels(self, now: datetime) -> None:
        """Read which channels are closed, which no dispatch round does without free slots; and the time.

        Pauses whose time is over are ended.
        """
        async with self._context.services.database.reading() as connection:
            rows = await list_channels(connection)
            clock = self._context.services.database_clock
            clock.adjust(await measure(connection, clock))
        if any(row.paused_until is not None and row.paused_until <= now for row in rows):
            async with self._context.services.database.writing() as connection:
                for name in await end_pauses(connection, now):
                    _log.info("the pause of a channel has ended", channel=name)
                rows = await list_channels(connection)
        in_flight = self._context.in_flight
        in_flight.closed = closed_channels(rows, in_flight.closed, now)

    async def _sweep(self, now: datetime) -> None:
        """Compare the jobs in flight with their rows: drop ended ones, reclaim leases without a task."""
        in_flight, worker_id = self._context.in_flight, self._context.worker_id
        async with self._context.services.database.reading() as connection:
            rows = await list_in_flight(connection, worker_id)
        ended = [row.id for row in rows if row.status in FINAL]
        for job_id in ended:
            if task := in_flight.jobs.get(job_id):
                task.cancel()
        dropped = [job_id for job_id in ended if in_flight.jobs.get(job_id) is None]
        unstarted = [
            row
            for row in rows
            if row.status not in FINAL
            and in_flight.jobs.get(row.id) is None
            and _is_over(row.leased_at, now)
            and _is_over(row.start_at, now)
        ]
        without_row = set(in_flight.jobs) - {row.id for row in rows}
        without_task = [job_id for job_id in without_row if in_flight.jobs[job_id] is None]
        for job_id in (*dropped, *(row.id for row in unstarted), *without_task):
            in_flight.drop(job_id)
        if dropped or unstarted:
            async with self._context.services.database.writing() as connection:
                await release_worker(connection, dropped, worker_id)
                jobs = await leased_to(connection, worker_id, [row.id for row in unstarted])
                # the message of a job may have come meanwhile
                jobs[:] = [row for row in jobs if in_flight.jobs.get(row.id) is None]
                await reclaim(connection, jobs, worker_id, self._context.services.policies, now)
            repaired(Repair.ENQUEUE_MISSING, len(jobs))


def _is_over(moment: datetime | Unreadable | None, now: datetime) -> bool:
    """Return whether a lease should have started by now; a time that can't be read does not keep it."""
    return not isinstance(moment, datetime) or moment < now - _UNSTARTED
