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

from models.queries.scheduling.due_jobs import Lane, Line
from models.queries.scheduling.queue_position import (
    LAST,
    LineHead,
    Span,
    count_lanes,
    count_spans,
    list_heads,
)
from worker.scheduler.fair_queue import Guest, in_turn

MOST = 5_000  #: jobs that are counted
_LINES = 256  # of one lane, that are looked at


@dataclass(frozen=True, slots=True)
class Standing:
    """A job's place, from 1, over all callers and among its caller's own; ``capped``: at least there."""

    place: int
    own: int
    capped: bool = False


@dataclass(frozen=True, slots=True)
class Crowd:
    """Who queues: the lanes that compete for the same channels, and the callers as the gate sees them."""

    lanes: Sequence[Lane]
    guests: Sequence[Guest]
    at: datetime
    ageing: timedelta


@dataclass(frozen=True, slots=True)
class Job:
    """What of a due job decides where it stands."""

    id: UUID
    caller_id: UUID
    line: Line
    due_at: datetime


async def stand(connection: AsyncConnection, job: Job, crowd: Crowd, *, most: int = MOST) -> Standing:
    """Find a due job's place."""
    lanes = [lane for lane in crowd.lanes if lane.caller_id == job.caller_id]
    campaign, priority = job.line
    before = [Span(lane, campaign, (job.due_at, job.id), most) for lane in lanes if lane.priority == priority]
    rank = sum(await count_spans(connection, before, most=most))
    if rank >= most:
        return Standing(most, most, capped=True)
    return await stand_at(connection, job.caller_id, job.line, rank, crowd, most=most)


async def stand_at(
    connection: AsyncConnection, caller_id: UUID, line: Line, rank: int, crowd: Crowd, *, most: int = MOST
) -> Standing:
    """Find the place of the job that has ``rank`` jobs before it in its own line."""
    lanes = [lane for lane in crowd.lanes if lane.caller_id == caller_id]
    me = next((guest for guest in crowd.guests if guest.id == caller_id), None)
    heads = await list_heads(connection, lanes, most=_LINES)
    capped = len(heads) >= _LINES
    wanted = _ahead(heads, me.line if me else ("", 0), line, rank, crowd, most)
    spans = [
        Span(head.lane, head.campaign, (crowd.at, LAST), wanted[_line(head)])
        for head in heads
        if wanted.get(_line(head))
    ]
    counts: defaultdict[Line, int] = defaultdict(int)
    for span, count in zip(spans, await count_spans(connection, spans, most=most), strict=True):
        counts[span.campaign, span.lane.priority] += count
    own = rank + sum(min(count, wanted[key]) for key, count in counts.items()) + 1
    found = await stand_last(connection, caller_id, own, crowd, most=most)
    return Standing(found.place, found.own, capped or found.capped)


async def stand_last(
    connection: AsyncConnection, caller_id: UUID, own: int, crowd: Crowd, *, most: int = MOST
) -> Standing:
    """Find the place of a caller's job number ``own``, whichever that is."""
    me = next((guest for guest in crowd.guests if guest.id == caller_id), None)
    if own >= most or me is None:
        return Standing(min(own, most), min(own, most), own >= most)
    place = min(own + await _others(connection, me, own, crowd, most), most)
    return Standing(place, own, place >= most)


def _ahead(
    heads: Sequence[LineHead], last: Line, line: Line, rank: int, crowd: Crowd, most: int
) -> dict[Line, int]:
    """Return how many jobs of each other line of the caller start before the job, if there are so many."""
    due: dict[Line, datetime] = {line: crowd.at}
    for head in heads:
        if head.due_at <= crowd.at:
            due[_line(head)] = min(due.get(_line(head), crowd.at), head.due_at)
    level = levels(due, crowd.at, crowd.ageing)
    turns = in_turn([key for key in due if level[key] == level[line]], last)
    wanted = {key: most for key in due if level[key] > level[line]}
    return wanted | {key: rank + (turns.index(key) < turns.index(line)) for key in turns if key != line}


def _line(head: LineHead) -> Line:
    return head.campaign, head.lane.priority


def levels(due: dict[Line, datetime], at: datetime, ageing: timedelta) -> dict[Line, int]:
    """Return the priority to which waiting has raised each line, by when its first job was due."""
    highest = max(priority for _, priority in due)
    raised = {line: line[1] + int((at - since) / ageing) for line, since in due.items()}
    return {line: min(max(raised[line], line[1]), highest) for line in due}


async def _others(connection: AsyncConnection, me: Guest, own: int, crowd: Crowd, most: int) -> int:
    """Count the jobs of other callers that start before this caller's job number ``own``."""
    order = sorted(crowd.guests, key=lambda guest: (guest.turn, guest.id))
    visits, mine = visits_until(me, own), order.index(me)
    shares = {
        guest.id: starts_within(guest, visits if place < mine else visits - 1)
        for place, guest in enumerate(order)
        if guest.id != me.id
    }
    wanted = [(lane, shares[lane.caller_id]) for lane in crowd.lanes if shares.get(lane.caller_id)]
    counts = await count_lanes(connection, wanted, crowd.at, most=most)
    of_caller: defaultdict[UUID, int] = defaultdict(int)
    for (lane, _), count in zip(wanted, counts, strict=True):
        of_caller[lane.caller_id] += count
    return sum(min(count, shares[caller_id]) for caller_id, count in of_caller.items())


def starts_within(guest: Guest, visits: int) -> int:
    """Return how many starts a caller with enough jobs gets in so many visits; an unfinished one goes on."""
    return max(math.floor(guest.deficit + (visits - (guest.deficit >= 1)) * guest.weight), 0) if visits else 0


def visits_until(guest: Guest, starts: int) -> int:
    """Return in which visit a caller gets its start of this number."""
    visits = max(math.ceil((starts - guest.deficit) / guest.weight) + (guest.deficit >= 1), 1)
    while visits > 1 and starts_within(guest, visits - 1) >= starts:
        visits -= 1
    while starts_within(guest, visits) < starts:
        visits += 1
    return visits
