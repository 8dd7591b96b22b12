"""The only statements that change a job's state: conditional on the state they leave, with their events."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Insert, Row, Select, Update, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models.queries.bulk import rows_parameter, rows_source, storable
from models.queries.webhooks.outbox import News, listening, tell
from models.states import RESTARTS, RETRYABLE, JobStatus, may_move
from models.tables import Utc, events, jobs
from models.webhook_events import EVENT_OF


@dataclass(frozen=True, slots=True)
class Move:
    """One change of one job. It happens only if the job is in ``leaving`` and under ``lease``, if given."""

    job_id: UUID
    leaving: JobStatus
    entering: JobStatus
    at: datetime
    lease: UUID | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    detail: str | None = None
    restart: bool = False  #: an explicit retry, or pictures found later: may leave a final state

    def __post_init__(self) -> None:
        """Refuse what the state machine does not know; staying (progress) is always allowed."""
        restarted = self.restart and self.leaving in RETRYABLE and self.entering in RESTARTS
        if self.leaving is not self.entering and not restarted and not may_move(self.leaving, self.entering):
            raise ValueError(f"a job does not go from {self.leaving} to {self.entering}")


class Revisions(dict[UUID, int]):
    """The new revision by job, of those that moved."""

    told = False  #: whether a webhook is to be sent now

    def __init__(self) -> None:
        super().__init__()
        self._made: set[int] = set()

    def note(self, move: Move, revision: int) -> None:
        """Note that a move was made."""
        self[move.job_id] = revision
        self._made.add(id(move))

    def has(self, move: Move) -> bool:
        """Tell whether just this move was made: others of the same job may be beside it, of a stale lease."""
        return id(move) in self._made


async def apply(connection: AsyncConnection, moves: Iterable[Move]) -> Revisions:
    """Make the moves that still hold, with one event each, and note what webhooks are to tell."""
    revisions, apart = Revisions(), connection.dialect.name == "sqlite"  # where a statement writes one table
    for group in _groups(moves):
        by_job = {move.job_id: move for move in group}
        statement = _update(connection.dialect.name, tuple(sorted(group[0].changes)))
        moved = (await connection.execute(statement, rows_parameter(connection, map(_row, group)))).all()
        news: list[News] = []
        for job_id, revision, _, _, own_address, has_endpoint, *_ in moved:
            move = by_job[job_id]
            revisions.note(move, revision)
            listened = own_address is not None or has_endpoint
            if listened and (event := EVENT_OF.get(move.entering)):
                news.append(News(job_id, event, move.at))
        if moved and apart:
            told = [_event(by_job[row.id], row) for row in moved]
            await connection.execute(_insert_events(), rows_parameter(connection, told))
        if news and await tell(connection, news):
            revisions.told = True
    return revisions


async def lock_job(connection: AsyncConnection, job_id: UUID) -> Row[Any] | None:
    """Take one job for this transaction."""
    return (await connection.execute(select(jobs).where(jobs.c.id == job_id).with_for_update())).one_or_none()


def _groups(moves: Iterable[Move]) -> Sequence[list[Move]]:
    """Put moves that change the same columns together, no job twice in one group, in their order."""
    groups: dict[tuple[int, tuple[str, ...]], list[Move]] = defaultdict(list)
    seen: dict[UUID, int] = defaultdict(int)
    for move in moves:
        groups[seen[move.job_id], tuple(sorted(move.changes))].append(move)
        seen[move.job_id] += 1
    return [groups[key] for key in sorted(groups)]


def _row(move: Move) -> dict[str, Any]:
    return {
        "id": move.job_id,
        "leaving": move.leaving,
        "entering": move.entering,
        "lease": move.lease,
        "moved_at": move.at,
        "detail": move.detail,
        **{f"new_{name}": value for name, value in move.changes.items()},
    }


def _event(move: Move, row: Row[Any]) -> dict[str, Any]:
    return {
        "job_id": row.id,
        "revision": row.revision,
        "status": row.status,
        "progress": row.progress,
        "at": move.at,
        "detail": storable(move.detail) if move.detail else None,
    }


@lru_cache(maxsize=64)
def _update(dialect: str, changed: tuple[str, ...]) -> Update | Select[Any]:
    given = rows_source(
        dialect,
        [
            Column("id", jobs.c.id.type),
            Column("leaving", jobs.c.status.type),
            Column("entering", jobs.c.status.type),
            Column("lease", jobs.c.lease_token.type),
            Column("moved_at", Utc()),
            Column("detail", events.c.detail.type),
            *(Column(f"new_{name}", jobs.c[name].type) for name in changed),
        ],
    )
    moved = (
        update(jobs)
        .where(jobs.c.id == given.c.id, jobs.c.status == given.c.leaving)
        .where(or_(given.c.lease.is_(None), jobs.c.lease_token == given.c.lease))
        .values(
            status=given.c.entering,
            revision=jobs.c.revision + 1,
            updated_at=given.c.moved_at,
            **{name: given.c[f"new_{name}"] for name in changed},
        )
        .returning(jobs.c.id, jobs.c.revision, jobs.c.status, jobs.c.progress, *listening())
    )
    return moved if dialect == "sqlite" else _with_events(moved.returning(given.c.moved_at, given.c.detail))


def _with_events(changed: Update) -> Select[Any]:
    """Write the events in the same statement."""
    moved = changed.cte("moved")
    told = [moved.c[name] for name in ("id", "revision", "status", "progress", "moved_at", "detail")]
    names = ["job_id", "revision", "status", "progress", "at", "detail"]
    return select(moved).add_cte(insert(events).from_select(names, select(*told)).cte("noted"))


@lru_cache(maxsize=1)
def _insert_events() -> Insert:
    given, names = rows_source("sqlite", list(events.c)), [c.name for c in events.c]
    return insert(events).from_select(names, select(*(given.c[name] for name in names)))
