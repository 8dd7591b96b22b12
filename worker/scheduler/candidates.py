"""Which of the waiting jobs a round of the dispatcher looks at: never more than a bounded number."""

import random
from collections import Counter, defaultdict
from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from models.queries.scheduling.due_jobs import Candidate, Lane, Wanted, list_due, pick_due
from worker.scheduler.channel_capacity import HORIZON, Outlet
from worker.scheduler.fair_queue import Guest

_LANES = 32  # of one caller, looked at in one round


@dataclass(frozen=True, slots=True)
class Openings:
    """How many calls of each model can start at most, and of all; how many jobs more are looked at."""

    of_model: Counter[str]
    together: int
    fillers: Counter[str]


def openings_of(outlets: Sequence[Outlet], models: Set[str], now: datetime) -> Openings:
    """Count what can start until the gate's horizon; no more jobs are looked at, but for the fillers."""
    of_model, together, fillers = Counter[str](), 0, Counter[str]()
    for outlet in outlets:
        here = {m: outlet.openings(m, now + HORIZON) for m in models if outlet.serves(m)}
        of_model.update(here)
        together += min(sum(here.values()), outlet.concurrency - outlet.busy())
        fillers |= Counter({m: outlet.fillers(m) for m, openings in here.items() if openings})
    return Openings(of_model, together, fillers)


async def look(
    connection: AsyncConnection,
    lanes: Sequence[Lane],
    guests: Sequence[Guest],
    slots: int,
    openings: Openings,
    now: datetime,
) -> Sequence[Candidate]:
    """Look at the heads of the lanes whose turn it is; where too little is due, at all that is due."""
    present = {guest.id for guest in guests}
    lanes = [lane for lane in lanes if lane.caller_id in present]
    if not lanes:
        return []
    found = await pick_due(connection, _wanted(lanes, guests, slots, openings), now)
    if len(found) < slots and _idle(lanes, found):  # else these would keep their places for ever
        due = await list_due(connection, lanes, now)
        waiting = {lane.caller_id for lane in due}
        those = [guest for guest in guests if guest.id in waiting]
        found += await pick_due(connection, _wanted(due, those, slots, openings), now) if those else []
    return list({job.job_id: job for job in found}.values())


def _idle(lanes: Sequence[Lane], found: Sequence[Candidate]) -> bool:
    """Tell whether there are lanes in which nothing was found: their jobs are not due."""
    return bool(set(lanes) - {Lane(job.model, job.caller_id, job.priority) for job in found})


def _wanted(lanes: Sequence[Lane], guests: Sequence[Guest], slots: int, openings: Openings) -> list[Wanted]:
    """Say how many jobs to look at: of each caller its share, and one more, but no more than can start.

    Where pictures are counted some more are looked at, as a call for fewer may fit where the next does not.

    The callers that come first are looked at. Their jobs come from the lane of highest priority of each
    model; from each of the others one is enough to see how old it is.
    """
    all_weights = sum(guest.weight for guest in guests)
    of_caller: defaultdict[UUID, list[Lane]] = defaultdict(list)
    highest: dict[tuple[UUID, str], int] = {}
    for lane in sorted(lanes, key=lambda lane: -lane.priority):
        of_caller[lane.caller_id].append(lane)
        highest.setdefault((lane.caller_id, lane.model), lane.priority)
    wanted: list[Wanted] = []
    for guest in guests[: slots + 1]:
        share = min(slots, int(slots * guest.weight / all_weights) + 1)
        last, priority = guest.line
        for lane in _some(of_caller[guest.id]):
            many = lane.priority == highest[guest.id, lane.model]
            count = min(share, openings.of_model[lane.model]) + openings.fillers[lane.model] if many else 1
            wanted.append(Wanted(lane, count, last, again=lane.priority > priority))
    return wanted


def _some(lanes: Sequence[Lane]) -> Sequence[Lane]:
    """Return the first of a caller's lanes, and others by chance, so that none is passed over for ever."""
    if len(lanes) <= _LANES:
        return lanes
    first = _LANES // 2
    return [*lanes[:first], *random.sample(lanes[first:], _LANES - first)]
