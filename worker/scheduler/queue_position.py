"""Where a queued job stands: how many start before it, by the rules of ``worker.scheduler.fair_queue``.

It is the place as of now: as if nothing were handed in any more, every job could start on any channel of its
model, and no caller had limits of its own. Nothing is counted beyond a bound: it is there at least.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from models.queries.scheduling.due_jobs import LineKey, QueueSegment
from models.queries.scheduling.queue_position import (
    LAST_ID,
    LineHead,
    QueueRange,
    count_ranges,
    count_segments,
    list_heads,
)
from worker.scheduler.fair_queue import CallerShare, round_robin

MAX_COUNTED = 5_000  #: jobs that are counted
_LINES = 256  # of one lane, that are looked at


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """A job's place, from 1, over all callers and among its caller's own; ``capped``: at least there."""

    place: int
    own: int
    capped: bool = False


@dataclass(frozen=True, slots=True)
class QueueSnapshot:
    """Who queues: the lanes that compete for the same channels, and the callers as the gate sees them."""

    segments: Sequence[QueueSegment]
    callers: Sequence[CallerShare]
    at: datetime
    ageing: timedelta


@dataclass(frozen=True, slots=True)
class DueJob:
    """What of a due job decides where it stands."""

    id: UUID
    caller_id: UUID
    line: LineKey
    due_at: datetime


async def position_of(
    connection: AsyncConnection, job: DueJob, snapshot: QueueSnapshot, *, limit: int = MAX_COUNTED
) -> QueuePosition:
    """Find a due job's place."""
    segments = [segment for segment in snapshot.segments if segment.caller_id == job.caller_id]
    campaign, priority = job.line
    before = [
        QueueRange(segment, campaign, (job.due_at, job.id), limit)
        for segment in segments
        if segment.priority == priority
    ]
    rank = sum(await count_ranges(connection, before, limit=limit))
    if rank >= limit:
        return QueuePosition(limit, limit, capped=True)
    return await position_at(connection, job.caller_id, job.line, rank, snapshot, limit=limit)


async def position_at(
    connection: AsyncConnection,
    caller_id: UUID,
    line: LineKey,
    rank: int,
    snapshot: QueueSnapshot,
    *,
    limit: int = MAX_COUNTED,
) -> QueuePosition:
    """Find the place of the job that has ``rank`` jobs before it in its own line."""
    segments = [segment for segment in snapshot.segments if segment.caller_id == caller_id]
    me = next((caller_share for caller_share in snapshot.callers if caller_share.id == caller_id), None)
    heads = await list_heads(connection, segments, limit=_LINES)
    capped = len(heads) >= _LINES
    wanted = _ahead(heads, me.line if me else ("", 0), line, rank, snapshot, limit)
    spans = [
        QueueRange(head.segment, head.campaign, (snapshot.at, LAST_ID), wanted[_line(head)])
        for head in heads
        if wanted.get(_line(head))
    ]
    counts: defaultdict[LineKey, int] = defaultdict(int)
    for span, count in zip(spans, await count_ranges(connection, spans, limit=limit), strict=True):
        counts[span.campaign, span.segment.priority] += count
    own = rank + sum(min(count, wanted[key]) for key, count in counts.items()) + 1
    found = await last_position(connection, caller_id, own, snapshot, limit=limit)
    return QueuePosition(found.place, found.own, capped or found.capped)


async def last_position(
    connection: AsyncConnection,
    caller_id: UUID,
    own: int,
    snapshot: QueueSnapshot,
    *,
    limit: int = MAX_COUNTED,
) -> QueuePosition:
    """Find the place of a caller's job number ``own``, whichever that is."""
    me = next((caller_share for caller_share in snapshot.callers if caller_share.id == caller_id), None)
    if own >= limit or me is None:
        return QueuePosition(min(own, limit), min(own, limit), own >= limit)
    place = min(own + await _others(connection, me, own, snapshot, limit), limit)
    return QueuePosition(place, own, place >= limit)


def _ahead(
    heads: Sequence[LineHead], last: LineKey, line: LineKey, rank: int, snapshot: QueueSnapshot, most: int
) -> dict[LineKey, int]:
    """Return how many jobs of each other line of the caller start before the job, if there are so many."""
    due: dict[LineKey, datetime] = {line: snapshot.at}
    for head in heads:
        if head.due_at <= snapshot.at:
            due[_line(head)] = min(due.get(_line(head), snapshot.at), head.due_at)
    level = levels(due, snapshot.at, snapshot.ageing)
    turns = round_robin([key for key in due if level[key] == level[line]], last)
    wanted = {key: most for key in due if level[key] > level[line]}
    return wanted | {key: rank + (turns.index(key) < turns.index(line)) for key in turns if key != line}


def _line(head: LineHead) -> LineKey:
    return head.campaign, head.segment.priority


def levels(due: dict[LineKey, datetime], at: datetime, ageing: timedelta) -> dict[LineKey, int]:
    """Return the priority to which waiting has raised each line, by when its first job was due."""
    highest = max(priority for _, priority in due)
    raised = {line: line[1] + int((at - since) / ageing) for line, since in due.items()}
    return {line: min(max(raised[line], line[1]), highest) for line in due}


async def _others(
    connection: AsyncConnection, me: CallerShare, own: int, snapshot: QueueSnapshot, most: int
) -> int:
    """Count the jobs of other callers that start before this caller's job number ``own``."""
    order = sorted(snapshot.callers, key=lambda caller_share: (caller_share.turn, caller_share.id))
    visits, mine = turns_until(me, own), order.index(me)
    shares = {
        caller_share.id: starts_within(caller_share, visits if place < mine else visits - 1)
        for place, caller_share in enumerate(order)
        if caller_share.id != me.id
    }
    wanted = [
        (segment, shares[segment.caller_id]) for segment in snapshot.segments if shares.get(segment.caller_id)
    ]
    counts = await count_segments(connection, wanted, snapshot.at, limit=most)
    of_caller: defaultdict[UUID, int] = defaultdict(int)
    for (segment, _), count in zip(wanted, counts, strict=True):
        of_caller[segment.caller_id] += count
    return sum(min(count, shares[caller_id]) for caller_id, count in of_caller.items())


def starts_within(caller_share: CallerShare, turns: int) -> int:
    """Return how many starts a caller with enough jobs gets in so many visits; an unfinished one goes on."""
    return (
        max(math.floor(caller_share.deficit + (turns - (caller_share.deficit >= 1)) * caller_share.weight), 0)
        if turns
        else 0
    )


def turns_until(caller_share: CallerShare, starts: int) -> int:
    """Return in which visit a caller gets its start of this number."""
    visits = max(
        math.ceil((starts - caller_share.deficit) / caller_share.weight) + (caller_share.deficit >= 1), 1
    )
    while visits > 1 and starts_within(caller_share, visits - 1) >= starts:
        visits -= 1
    while starts_within(caller_share, visits) < starts:
        visits += 1
    return visits
