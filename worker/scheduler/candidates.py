"""Candidates: the due jobs that a dispatch round considers, a bounded number of them."""

import math
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

_WIDEST = 4.0  # times as many candidates as without weights, at most
_MAX_SEGMENTS = 32  # of one caller, read in one round


@dataclass(frozen=True, slots=True)
class StartBudget:
    """How many calls can start at most, by model and in total; ``backfill``: further candidates by model."""

    by_model: Counter[str]
    total: int
    backfill: Counter[str]


def start_budget_of(channels: Sequence[ChannelCapacity], models: Set[str], now: datetime) -> StartBudget:
    """Count the calls that can start within the horizon; no more candidates are fetched, but for backfill."""
    by_model, total, backfill = Counter[str](), 0, Counter[str]()
    for channel in channels:
        here = {m: channel.possible_starts(m, now + HORIZON) for m in models if channel.serves(m)}
        by_model.update(here)
        total += min(sum(here.values()), channel.concurrency - channel.in_flight())
        backfill |= Counter({m: channel.backfill(m) for m, starts in here.items() if starts})
    return StartBudget(by_model, total, backfill)


async def fetch_candidates(
    connection: AsyncConnection,
    segments: Sequence[QueueSegment],
    callers: Sequence[CallerShare],
    slots: int,
    budget: StartBudget,
    now: datetime,
) -> Sequence[Candidate]:
    """Fetch the heads of the segments whose turn it is; where too few are due, of all that have due jobs."""
    present = {caller.id for caller in callers}
    segments = [segment for segment in segments if segment.caller_id in present]
    if not segments:
        return []
    found = await pick_due(connection, _requests(segments, callers, slots, budget), now)
    if len(found) < slots and _idle(segments, found):  # else these would keep their turn for ever
        closed = {caller.id: caller.closed for caller in callers if caller.closed}
        due = await list_due(connection, segments, now, closed=closed)
        waiting = {segment.caller_id for segment in due}
        able = [caller for caller in callers if caller.id in waiting]
        found += await pick_due(connection, _requests(due, able, slots, budget), now) if able else []
    return list({job.job_id: job for job in found}.values())


def _idle(segments: Sequence[QueueSegment], found: Sequence[Candidate]) -> bool:
    """Return whether nothing was found in some segments: their jobs are not due."""
    return bool(set(segments) - {QueueSegment(job.model, job.caller_id, job.priority) for job in found})


def _requests(
    segments: Sequence[QueueSegment], callers: Sequence[CallerShare], slots: int, budget: StartBudget
) -> list[SegmentRequest]:
    """Return how many jobs to fetch: of each caller its share and one more, but no more than can start.

    Where images are limited some more are fetched for backfill, as a smaller job may fit where the next does
    not. Only the callers that come first are considered. Their jobs come from the segment of highest priority
    of each model; from each of the others one is enough to see how old it is.
    """
    all_weights = sum(caller.weight for caller in callers)
    of_caller: defaultdict[UUID, list[QueueSegment]] = defaultdict(list)
    highest: dict[tuple[UUID, str], int] = {}
    for segment in sorted(segments, key=lambda segment: -segment.priority):
        of_caller[segment.caller_id].append(segment)
        highest.setdefault((segment.caller_id, segment.model), segment.priority)
    requests: list[SegmentRequest] = []
    for caller in callers[: slots + 1]:
        share = min(slots, int(slots * caller.weight / all_weights) + 1)
        last, priority = caller.line
        widest = max((share.weight for share in caller.campaigns.values()), default=1.0)
        for segment in _sample(of_caller[caller.id]):
            count = 1
            if segment.priority == highest[caller.id, segment.model]:
                count = min(share, budget.by_model[segment.model]) + budget.backfill[segment.model]
                count = math.ceil(count * min(widest, _WIDEST))  # it is divided among campaigns
            rescan = segment.priority > priority or caller.turn_is_unfinished
            requests.append(SegmentRequest(segment, count, last, rescan, caller.closed))
    return requests


def _sample(segments: Sequence[QueueSegment]) -> Sequence[QueueSegment]:
    """Return the first of a caller's segments, and others at random, so that none is passed over for ever."""
    if len(segments) <= _MAX_SEGMENTS:
        return segments
    first = _MAX_SEGMENTS // 2
    return [*segments[:first], *random.sample(segments[first:], _MAX_SEGMENTS - first)]
