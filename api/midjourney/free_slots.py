"""Free slots: whether the calls of a new task can start at once, or wait behind others (code 22)."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from api.services import ApiServices
from models.queries.jobs import NewJob
from models.queries.leases import calls_in_flight
from models.queries.scheduling.due_jobs import QueueSegment, list_segments
from models.queries.scheduling.queue_position import count_segments
from worker.scheduler.wait_reason import SchedulerView


async def any_slot_free(
    connection: AsyncConnection,
    services: ApiServices,
    caller_id: UUID,
    jobs: Sequence[NewJob],
    at: datetime,
) -> bool:
    """Return whether a slot is left for a task, whose ``jobs`` this transaction has inserted.

    One is left while fewer calls wait or are in flight than may be in flight at once: on the open channels of
    the model, in the live workers, and within the caller's own limit. These limits are cached: they change
    slowly. The calls are counted anew, as a cached count would offer each rapid submit the same slot: a job
    counts as waiting, and once it is leased as in flight. A job that is leased between the two queries is
    missed, never counted twice: calls in flight are read first.
    """
    model, own = jobs[0].model, len(jobs)
    view = SchedulerView(await services.snapshots.refresh(connection, at), at)
    slots = view.slots_for(model)
    limited = view.caller(caller_id)
    calls = await calls_in_flight(connection)
    competing = [
        segment
        for segment in await list_segments(connection)
        if view.share_channel(model, segment.model) and view.keyless(segment.caller_id) is None
    ]
    channel_ids = {row.id for row, _ in view.channels_for(model)}
    in_flight = sum(row.calls for row in calls if row.channel_id in channel_ids)
    if in_flight + await _waiting(connection, competing, at, most=slots + own) - own >= slots:
        return False
    if limited is None or limited.concurrency is None:
        return True
    theirs = [segment for segment in competing if segment.caller_id == caller_id]
    waiting = await _waiting(connection, theirs, at, most=limited.concurrency + own)
    in_flight = sum(row.calls for row in calls if row.caller_id == caller_id)
    return bool(in_flight + waiting - own < limited.concurrency)


async def _waiting(
    connection: AsyncConnection, segments: Sequence[QueueSegment], at: datetime, *, most: int
) -> int:
    """Count the due jobs of segments, up to ``most``."""
    return sum(await count_segments(connection, [(segment, most) for segment in segments], at, limit=most))
