"""Trace writer: sends the spans of jobs when they have ended, and of webhooks when they were sent.

The worker that was started first follows the events of all jobs by their numbers, so that no other process,
and no step of a job, has anything to do with it. After a change of workers, the last seconds are lost.
"""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

from models.queries.operations.whole_jobs import WholeJobs, read_whole_jobs
from models.queries.selection.event_feed import last_number, list_numbered
from models.queries.webhooks.deliveries import ended_deliveries
from models.queries.workers import first_worker
from models.states import FINAL
from worker.database_retry import run_forever
from worker.services import WorkerServices
from worker.traces.sink import SpanSink
from worker.traces.spans import JobTrace, delivery_span, job_spans

_PAUSE = 2.0  # seconds
_EVENTS = 1000  # that are read at once
_JOBS = 100
_WEBHOOKS = timedelta(minutes=15)  # after a job's end
_ENDED = frozenset(status.value for status in FINAL)


class TraceWriter:
    """Follows ended jobs, from the moment at which it is started."""

    def __init__(self, services: WorkerServices, worker_id: UUID, sink: SpanSink) -> None:
        self._services, self._worker_id, self._sink = services, worker_id, sink
        self._last: int | None = None
        self._ended: dict[UUID, tuple[JobTrace, datetime]] = {}  # whose webhooks may still be sent
        self._sent_until = services.clock()  #: of the webhooks

    async def run(self) -> None:
        """Follow until cancelled."""
        try:
            await run_forever(self.run_round, self._pause, name="traces")
        finally:
            await asyncio.to_thread(self._sink.close)

    async def run_round(self) -> None:
        """Send the spans of all jobs that have ended since the last round."""
        database = self._services.database
        async with database.reading() as connection:
            if await first_worker(connection) != self._worker_id:
                self._last = None
                return
            if self._last is None:
                self._last = await last_number(connection)
                return
        full = True
        while full:
            async with database.reading() as connection:
                events = await list_numbered(connection, self._last, _EVENTS)
                ended = list({event.job_id for event in events if event.status in _ENDED})
                for start in range(0, len(ended), _JOBS):
                    whole = await read_whole_jobs(connection, ended[start : start + _JOBS])
                    self._sink.send(job_spans(whole))
                    self._remember(whole)
            if events:
                self._last = events[-1].seq
            full = len(events) == _EVENTS
        await self._send_deliveries()

    def _remember(self, whole: WholeJobs) -> None:
        now = self._services.clock()
        traces = [JobTrace(job.id, job.generation, job.traceparent) for job in whole.jobs]
        self._ended |= {trace.id: (trace, now) for trace in traces}

    async def _send_deliveries(self) -> None:
        """Send the spans of webhooks about jobs that ended lately."""
        now = self._services.clock()
        since, self._sent_until = self._sent_until, now
        self._ended = {key: each for key, each in self._ended.items() if now - each[1] < _WEBHOOKS}
        ids = list(self._ended)
        for start in range(0, len(ids), _JOBS):
            async with self._services.database.reading() as connection:
                found = await ended_deliveries(connection, ids[start : start + _JOBS], since, now)
            self._sink.send([delivery_span(self._ended[row.job_id][0], row) for row in found])

    async def _pause(self) -> None:
        await asyncio.sleep(_PAUSE)
