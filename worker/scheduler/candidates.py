"""Which of the waiting jobs a round of the dispatcher looks at: never more than a bounded number."""

import random
from collections import Counter, defaultdict
from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from models.queries.scheduling.due_jobs import Candidate, QueueSegment, SegmentRequest, list_due, pick_due
from worker.scheduler.channel_capacity import HORIZON, ChannelCapacity
from worker.scheduler.fair_queue import CallerShare

_SEGMENTS = 32  # of one caller, looked at in one round


@dataclass(frozen=True, slots=True)
class StartBudget:
    """How many calls of each model can start at most, and of all; how many jobs more are looked at."""

    by_model: Counter[str]
    total: int
    backfill: Counter[str]


def start_budget_of(channels: Sequence[ChannelCapacity], models: Set[str], now: datetime) -> StartBudget:
    """Count what can start until the gate's horizon; no more jobs are looked at, but for the fillers."""
    of_model, together, fillers = Counter[str](), 0, Counter[str]()
    for channel in channels:
        here = {m: channel.possible_starts(m, now + HORIZON) for m in models if channel.serves(m)}
        of_model.update(here)
        together += min(sum(here.values()), channel.concurrency - channel.in_flight())
        fillers |= Counter({m: channel.backfill(m) for m, openings in here.items() if openings})
    return StartBudget(of_model, together, fillers)


async def fetch_candidates(
    connection: AsyncConnection,
    segments: Sequence[QueueSegment],
    callers: Sequence[CallerShare],
    slots: int,
    budget: StartBudget,
    now: datetime,
) -> Sequence[Candidate]:
    """Look at the heads of the lanes whose turn it is; where too little is due, at all that is due."""
    present = {caller_share.id for caller_share in callers}
    segments = [segment for segment in segments if segment.caller_id in present]
    if not segments:
        return []
    found = await pick_due(connection, _wanted(segments, callers, slots, budget), now)
    if len(found) < slots and _idle(segments, found):  # else these would keep their places for ever
        due = await list_due(connection, segments, now)
        waiting = {segment.caller_id for segment in due}
        those = [caller_share for caller_share in callers if caller_share.id in waiting]
        found += await pick_due(connection, _wanted(due, those, slots, budget), now) if those else []
    return list({job.job_id: job for job in found}.values())


def _idle(segments: Sequence[QueueSegment], found: Sequence[Candidate]) -> bool:
    """Tell whether there are lanes in which nothing was found: their jobs are not due."""
    return bool(set(segments) - {QueueSegment(job.model, job.caller_id, job.priority) for job in found})


def _wanted(
    segments: Sequence[QueueSegment], callers: Sequence[CallerShare], slots: int, openings: StartBudget
) -> list[SegmentRequest]:
    """Say how many jobs to look at: of each caller its share, and one more, but no more than can start.

    Where pictures are counted some more are looked at, as a call for fewer may fit where the next does not.

    The callers that come first are looked at. Their jobs come from the lane of highest priority of each
    model; from each of the others one is enough to see how old it is.
    """
    all_weights = sum(caller_share.weight for caller_share in callers)
    of_caller: defaultdict[UUID, list[QueueSegment]] = defaultdict(list)
    highest: dict[tuple[UUID, str], int] = {}
    for segment in sorted(segments, key=lambda segment: -segment.priority):
        of_caller[segment.caller_id].append(segment)
        highest.setdefault((segment.caller_id, segment.model), segment.priority)
    wanted: list[SegmentRequest] = []
    for caller_share in callers[: slots + 1]:
        share = min(slots, int(slots * caller_share.weight / all_weights) + 1)
        last, priority = caller_share.line
        for segment in _some(of_caller[caller_share.id]):
            many = segment.priority == highest[caller_share.id, segment.model]
            count = (
                min(share, openings.by_model[segment.model]) + openings.backfill[segment.model] if many else 1
            )
            wanted.append(SegmentRequest(segment, count, last, rescan=segment.priority > priority))
    return wanted


def _some(segments: Sequence[QueueSegment]) -> Sequence[QueueSegment]:
    """Return the first of a caller's lanes, and others by chance, so that none is passed over for ever."""
    if len(segments) <= _SEGMENTS:
        return segments
    first = _SEGMENTS // 2
    return [*segments[:first], *random.sample(segments[first:], _SEGMENTS - first)]
