"""Queue position: how many jobs the scheduler would start before a job.

It follows the rules of ``worker.scheduler.fair_queue`` as of now, as if no jobs were submitted any more, each
job could start on any channel of its model and no caller had limits of its own. Counts stop at a limit; a
position there is ``capped``.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
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
from worker.scheduler.fair_queue import CallerShare, aged_priorities, round_robin

MAX_COUNTED = 5_000  #: jobs that are counted at most
_MAX_LINES = 256  # of one segment, that are read


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """A job's position, from 1: over all callers, and among its caller's own; ``capped``: at least that."""

    overall: int
    own: int
    capped: bool = False


@dataclass(frozen=True, slots=True)
class QueueSnapshot:
    """The segments that compete for the same channels, and the shares of their callers."""

    segments: Sequence[QueueSegment]
    callers: Sequence[CallerShare]
    at: datetime
    ageing: timedelta
    closed: frozenset[tuple[UUID, str]] = frozenset()  #: caller and name of campaigns that are closed


@dataclass(frozen=True, slots=True)
class DueJob:
    """What of a due job decides its position."""

    id: UUID
    caller_id: UUID
    line: LineKey
    due_at: datetime


async def positions_of(
    connection: AsyncConnection, due: Sequence[tuple[DueJob, QueueSnapshot]], *, limit: int = MAX_COUNTED
) -> list[QueuePosition]:
    """Return the positions of due jobs, each in a snapshot; those before them in their lines in one query."""
    ranges = [_before(job, snapshot, limit) for job, snapshot in due]
    counts = iter(
        await count_ranges(
            connection, [each for of_job in ranges for each in of_job], limit=limit * max(len(due), 1)
        )
    )
    ranks = [sum(islice(counts, len(of_job))) for of_job in ranges]
    known: dict[tuple[UUID, int], Sequence[LineHead]] = {}  # by caller and snapshot
    positions = []
    for (job, snapshot), rank in zip(due, ranks, strict=True):
        if rank >= limit:
            positions.append(QueuePosition(limit, limit, capped=True))
            continue
        key = (job.caller_id, id(snapshot))
        if key not in known:
            known[key] = await _heads(connection, job.caller_id, snapshot)
        place = (job.caller_id, job.line, rank)
        positions.append(await _position(connection, place, known[key], snapshot, limit))
    return positions


def _before(job: DueJob, snapshot: QueueSnapshot, limit: int) -> list[QueueRange]:
    """Return the ranges of a job's line that come before it."""
    campaign, priority = job.line
    return [
        QueueRange(segment, campaign, (job.due_at, job.id), limit)
        for segment in snapshot.segments
        if segment.caller_id == job.caller_id and segment.priority == priority
    ]


async def _heads(connection: AsyncConnection, caller_id: UUID, snapshot: QueueSnapshot) -> Sequence[LineHead]:
    """Return the lines of a caller, with the closed ones."""
    segments = [segment for segment in snapshot.segments if segment.caller_id == caller_id]
    return await list_heads(connection, segments, limit=_MAX_LINES)


async def position_at(
    connection: AsyncConnection,
    caller_id: UUID,
    line: LineKey,
    rank: int,
    snapshot: QueueSnapshot,
    *,
    limit: int = MAX_COUNTED,
) -> QueuePosition:
    """Return the position of the job that has ``rank`` jobs before it in its own line."""
    found_heads = await _heads(connection, caller_id, snapshot)
    return await _position(connection, (caller_id, line, rank), found_heads, snapshot, limit)


async def _position(
    connection: AsyncConnection,
    place: tuple[UUID, LineKey, int],
    found_heads: Sequence[LineHead],
    snapshot: QueueSnapshot,
    limit: int,
) -> QueuePosition:
    """Return a position. ``place``: caller, line, and rank in it."""
    caller_id, line, rank = place
    caller = _caller_of(snapshot, caller_id)
    heads = [head for head in found_heads if (caller_id, head.campaign) not in snapshot.closed]
    ahead = _ahead(heads, caller.line if caller else ("", 0), line, rank, snapshot, limit)
    ranges = [
        QueueRange(head.segment, head.campaign, (snapshot.at, LAST_ID), ahead[_line(head)])
        for head in heads
        if ahead.get(_line(head))
    ]
    counts: defaultdict[LineKey, int] = defaultdict(int)
    for each, count in zip(ranges, await count_ranges(connection, ranges, limit=limit), strict=True):
        counts[each.campaign, each.segment.priority] += count
    own = rank + sum(min(count, ahead[key]) for key, count in counts.items()) + 1
    found = await last_position(connection, caller_id, own, snapshot, limit=limit)
    return QueuePosition(found.overall, found.own, found.capped or len(found_heads) >= _MAX_LINES)


async def last_position(
    connection: AsyncConnection,
    caller_id: UUID,
    own: int,
    snapshot: QueueSnapshot,
    *,
    limit: int = MAX_COUNTED,
) -> QueuePosition:
    """Return the position of a caller's job number ``own``, whichever job that is."""
    caller = _caller_of(snapshot, caller_id)
    if own >= limit or caller is None:
        return QueuePosition(min(own, limit), min(own, limit), own >= limit)
    overall = min(own + await _count_others(connection, caller, own, snapshot, limit), limit)
    return QueuePosition(overall, own, overall >= limit)


def _caller_of(snapshot: QueueSnapshot, caller_id: UUID) -> CallerShare | None:
    return next((caller for caller in snapshot.callers if caller.id == caller_id), None)


def _ahead(
    heads: Sequence[LineHead], last: LineKey, line: LineKey, rank: int, snapshot: QueueSnapshot, limit: int
) -> dict[LineKey, int]:
    """Return how many jobs of each other line of the caller start before the job, if there are so many."""
    due: dict[LineKey, datetime] = {line: snapshot.at}
    for head in heads:
        if head.due_at <= snapshot.at:
            due[_line(head)] = min(due.get(_line(head), snapshot.at), head.due_at)
    aged = aged_priorities(due, snapshot.at, snapshot.ageing)
    turns = round_robin([key for key in due if aged[key] == aged[line]], last)
    higher = {key: limit for key in due if aged[key] > aged[line]}
    return higher | {key: rank + (turns.index(key) < turns.index(line)) for key in turns if key != line}


def _line(head: LineHead) -> LineKey:
    return head.campaign, head.segment.priority


async def _count_others(
    connection: AsyncConnection, caller: CallerShare, own: int, snapshot: QueueSnapshot, limit: int
) -> int:
    """Count the jobs of other callers that start before this caller's job number ``own``."""
    order = sorted(snapshot.callers, key=lambda each: (each.turn, each.id))
    turns, place = turns_until(caller, own), order.index(caller)
    shares = {
        each.id: starts_within(each, turns if number < place else turns - 1)
        for number, each in enumerate(order)
        if each.id != caller.id
    }
    wanted = [
        (segment, shares[segment.caller_id]) for segment in snapshot.segments if shares.get(segment.caller_id)
    ]
    counts = await count_segments(connection, wanted, snapshot.at, limit=limit)
    of_caller: defaultdict[UUID, int] = defaultdict(int)
    for (segment, _), count in zip(wanted, counts, strict=True):
        of_caller[segment.caller_id] += count
    return sum(min(count, shares[caller_id]) for caller_id, count in of_caller.items())


def starts_within(caller: CallerShare, turns: int) -> int:
    """Return how many starts a caller with enough jobs gets in so many turns; an unfinished one continues."""
    if not turns:
        return 0
    return max(math.floor(caller.deficit + (turns - (caller.deficit >= 1)) * caller.weight), 0)


def turns_until(caller: CallerShare, starts: int) -> int:
    """Return in which turn a caller gets its start of this number."""
    turns = max(math.ceil((starts - caller.deficit) / caller.weight) + (caller.deficit >= 1), 1)
    while turns > 1 and starts_within(caller, turns - 1) >= starts:
        turns -= 1
    while starts_within(caller, turns) < starts:
        turns += 1
    return turns
