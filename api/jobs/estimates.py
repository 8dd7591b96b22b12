"""What callers are told of the future: a job's place in the queue, and when it or a whole set may be done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from models.clock import rfc3339
from models.queries.call_stats import newest_calls
from models.queries.scheduling.due_jobs import Lane, list_lanes
from models.queries.scheduling.queue_position import list_shares
from models.queries.scheduling.snapshot import read_gate
from models.queue_status import Gate, Queued, Waiting
from worker.scheduler.eta import CALL, Eta, Tempo, eta_of
from worker.scheduler.fair_queue import Guest, guest_of
from worker.scheduler.queue_position import Crowd, Job, Standing, stand
from worker.scheduler.wait_reason import Lookout

_CROWD_FRESH, _TEMPO_FRESH = timedelta(seconds=1), timedelta(seconds=10)
_LATELY = timedelta(hours=1)
_PLACES_PER_SECOND = 200.0  # so long a place is remembered: it costs as much to find as it is far behind
_LONGEST = 30.0  # seconds that a place is remembered at most
_REMEMBERED = 10_000  # jobs


@dataclass(frozen=True, slots=True)
class Outlook:
    """A job's place, and when it may be done, as of ``at``."""

    at: datetime
    standing: Standing | None
    eta: Eta

    def view(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "queue_position": self.standing.place if self.standing else None,
            "queue_position_capped": bool(self.standing and self.standing.capped),
            "eta": eta_view(self.eta, self.at),
        }


def eta_view(eta: Eta, at: datetime) -> dict[str, Any]:
    """Write an estimate: in seconds, and as times."""
    return {
        "p50": None if eta.p50 is None else round(eta.p50, 1),
        "p90": None if eta.p90 is None else round(eta.p90, 1),
        "p50_at": None if eta.p50 is None else rfc3339(at + timedelta(seconds=eta.p50)),
        "p90_at": None if eta.p90 is None else rfc3339(at + timedelta(seconds=eta.p90)),
        "limiting_factor": eta.limiting_factor,
    }


class Outlooks:
    """Finds outlooks, and remembers what they are made of for some seconds, however many poll."""

    def __init__(self, priority_ageing: float) -> None:
        self._ageing = timedelta(seconds=priority_ageing)
        self._crowd: tuple[datetime, Sequence[Lane], Sequence[Guest]] | None = None
        self._tempos: tuple[datetime, Mapping[str, Tempo]] | None = None
        self._known: dict[UUID, tuple[datetime, int, str, Outlook]] = {}

    def forget(self) -> None:
        """Find everything anew."""
        self._crowd = self._tempos = None
        self._known.clear()

    async def of_queued(
        self, connection: AsyncConnection, row: Any, job: Queued, why: Waiting, lookout: Lookout
    ) -> Outlook:
        """Return a queued job's outlook."""
        at, known = lookout.at, self._known.get(row.id)
        if known is not None and at < known[0] and known[1:3] == (row.revision, why.reason):
            return known[3]
        standing = await self._stand(connection, row, lookout) if row.not_before <= at else None
        eta = eta_of(job, why, standing, lookout, await self.tempos(connection, lookout))
        outlook = Outlook(at, standing, eta)
        seconds = min(max(standing.place / _PLACES_PER_SECOND if standing else 1.0, 1.0), _LONGEST)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[row.id] = (at + timedelta(seconds=seconds), row.revision, why.reason, outlook)
        return outlook

    async def of_running(
        self, connection: AsyncConnection, channel: str, sent_at: datetime, lookout: Lookout
    ) -> Outlook | None:
        """Return the outlook of a job whose call is under way, if calls of its channel have ended lately."""
        tempo = (await self.tempos(connection, lookout)).get(channel)
        if tempo is None:
            return None
        spent = (lookout.at - sent_at).total_seconds()
        eta = Eta(max(tempo.p50 - spent, 0.0), max(tempo.p90 - spent, 0.0), CALL)
        return Outlook(lookout.at, None, eta)

    async def crowd(self, connection: AsyncConnection, model: str, lookout: Lookout) -> Crowd:
        """Return who queues for the channels of a model."""
        lanes, guests = await self._everybody(connection, lookout.at)
        models = {other for other in {lane.model for lane in lanes} if lookout.compete(model, other)}
        competing = [lane for lane in lanes if lane.model in models]
        there = {lane.caller_id for lane in competing}
        return Crowd(competing, [g for g in guests if g.id in there], lookout.at, self._ageing)

    async def lanes(self, connection: AsyncConnection, at: datetime) -> Sequence[Lane]:
        """Return all lanes that have queued jobs."""
        return (await self._everybody(connection, at))[0]

    async def _everybody(
        self, connection: AsyncConnection, at: datetime
    ) -> tuple[Sequence[Lane], Sequence[Guest]]:
        if self._crowd is None or not timedelta() <= at - self._crowd[0] < _CROWD_FRESH:
            lanes = await list_lanes(connection)
            shares = await list_shares(connection, list({lane.caller_id for lane in lanes}))
            self._crowd = (at, lanes, [guest_of(row, ()) for row in shares])
        return self._crowd[1:]

    async def tempos(self, connection: AsyncConnection, lookout: Lookout) -> Mapping[str, Tempo]:
        """Return how the calls of each channel went in the last hour."""
        at = lookout.at
        if self._tempos is None or not timedelta() <= at - self._tempos[0] < _TEMPO_FRESH:
            names = [row.name for row, _ in lookout.outlets]
            found = {name: Tempo.of(await newest_calls(connection, name, at - _LATELY)) for name in names}
            self._tempos = (at, {name: tempo for name, tempo in found.items() if tempo is not None})
        return self._tempos[1]

    async def _stand(self, connection: AsyncConnection, row: Any, lookout: Lookout) -> Standing:
        crowd = await self.crowd(connection, row.model, lookout)
        if Lane(row.model, row.caller_id, row.priority) not in crowd.lanes:  # it came a moment ago
            self._crowd = None
            crowd = await self.crowd(connection, row.model, lookout)
        line = (row.campaign or "", row.priority)
        return await stand(connection, Job(row.id, row.caller_id, line, row.not_before), crowd)


# The gate's state for readers: read at most a few times a second, however many poll.

_FRESH = timedelta(milliseconds=250)


class GateKeeper:
    """Remembers the gate's state for a moment. ``worker_timeout``: seconds after which a worker is lost."""

    def __init__(self, worker_timeout: float) -> None:
        self._patience = timedelta(seconds=worker_timeout)
        self._gate: Gate | None = None
        self._read_at: datetime | None = None

    def remembered(self, at: datetime) -> Gate | None:
        """Return the state as of a moment ago, if it is known."""
        fresh = self._read_at is not None and timedelta() <= at - self._read_at < _FRESH
        return self._gate if fresh else None

    def forget(self) -> None:
        """Read anew: something was changed."""
        self._gate = None

    async def look(self, connection: AsyncConnection, at: datetime) -> Gate:
        """Return the state as of now, or of a moment ago."""
        gate = self.remembered(at)
        if gate is None:
            gate = await read_gate(connection, alive_since=at - self._patience)
            self._gate, self._read_at = gate, at
        return gate
