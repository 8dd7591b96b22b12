"""Transitions: the only UPDATE of ``jobs.status``, conditional on the state it leaves, with its event."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Insert, Row, Select, Update, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models.driver.statement_batch import Rows, StatementBatch
from models.integrity.unreadable import Unreadable
from models.queries.bulk import rows_parameter, rows_source, storable
from models.queries.webhooks.outbox import JobEvent, enqueue, has_listener
from models.states import RESTARTS, RETRYABLE, JobStatus, can_transition
from models.tables import Utc, events, jobs
from models.webhook_events import EVENT_OF

_OBSERVED = (jobs.c.model, jobs.c.priority, jobs.c.created_at, jobs.c.not_before, jobs.c.leased_at)


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of one job. It holds only if the job is in ``leaving`` and, if given, under ``lease``."""

    job_id: UUID
    leaving: JobStatus
    entering: JobStatus
    at: datetime
    lease: UUID | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    detail: str | None = None
    restart: bool = False  #: an explicit retry, or images found later: may leave a final state

    def __post_init__(self) -> None:
        """Refuse a transition that the state machine forbids; staying in a state is always allowed."""
        restarted = self.restart and self.leaving in RETRYABLE and self.entering in RESTARTS
        if (
            self.leaving is not self.entering
            and not restarted
            and not can_transition(self.leaving, self.entering)
        ):
            raise ValueError(f"a job does not go from {self.leaving} to {self.entering}")


@dataclass(frozen=True, slots=True)
class MadeTransition:
    """A transition that was made, with what metrics say of its job. Times that can't be read are ``None``."""

    leaving: JobStatus
    entering: JobStatus
    at: datetime
    model: str
    priority: int
    created_at: datetime | None
    due_at: datetime | None  #: the earliest start that its caller or a back-off asked for
    leased_at: datetime | None
    error_code: str | None  #: of the error with which it ended


class Revisions(dict[UUID, int]):
    """The new revision by job, of the transitions that were made."""

    webhooks_due = False  #: whether webhook deliveries were written that are due now

    def __init__(self) -> None:
        super().__init__()
        #: ``id`` of each transition that was made, as there may be several of one job
        self.made: set[int] = set()
        self.transitions: list[MadeTransition] = []

    def add(self, others: "Revisions") -> None:
        """Add transitions that were made elsewhere."""
        self.update(others)
        self.made |= others.made
        self.transitions += others.transitions
        self.webhooks_due = self.webhooks_due or others.webhooks_due


async def apply(connection: AsyncConnection, transitions: Iterable[Transition]) -> Revisions:
    """Make the transitions that hold, with one event each, and enqueue the webhooks of their events."""
    revisions = Revisions()
    for groups in _rounds(transitions):
        batch = StatementBatch(connection)
        for group in groups:
            statement = _update(connection.dialect.name, tuple(sorted(group[0].changes)))
            await batch.execute(statement, rows_parameter(connection, map(_row, group)))
        for group, moved in zip(groups, await batch.run(), strict=True):
            by_job = {transition.job_id: transition for transition in group}
            await _note(connection, by_job, moved, revisions)
    return revisions


async def _note(
    connection: AsyncConnection, by_job: Mapping[UUID, Transition], moved: Rows, revisions: Revisions
) -> None:
    """Note the transitions that were made, by the rows of their jobs, and write what follows from them."""
    job_events: list[JobEvent] = []
    for row in moved:
        job_id, revision, _, _, webhook_url, has_endpoint, *_ = row
        transition = by_job[job_id]
        revisions[job_id] = revision
        revisions.made.add(id(transition))
        revisions.transitions.append(_made(transition, row))
        listened = webhook_url is not None or has_endpoint
        if listened and (event := EVENT_OF.get(transition.entering)):
            job_events.append(JobEvent(job_id, event, transition.at))
    if moved and connection.dialect.name == "sqlite":  # where a statement writes one table only
        event_rows = [_event(by_job[row.id], row) for row in moved]
        await connection.execute(_insert_events(), rows_parameter(connection, event_rows))
    if job_events and await enqueue(connection, job_events):
        revisions.webhooks_due = True


async def lock_job(connection: AsyncConnection, job_id: UUID) -> Row[Any] | None:
    """Lock one job for this transaction, and return it."""
    return (await connection.execute(select(jobs).where(jobs.c.id == job_id).with_for_update())).one_or_none()


def _rounds(transitions: Iterable[Transition]) -> Sequence[Sequence[list[Transition]]]:
    """Group transitions that change the same columns, in their order, no job twice in one round of groups."""
    rounds: list[dict[tuple[str, ...], list[Transition]]] = []
    seen: dict[UUID, int] = defaultdict(int)
    for transition in transitions:
        number = seen[transition.job_id]
        if number == len(rounds):
            rounds.append(defaultdict(list))
        rounds[number][tuple(sorted(transition.changes))].append(transition)
        seen[transition.job_id] += 1
    return [[groups[changed] for changed in sorted(groups)] for groups in rounds]


def _row(transition: Transition) -> dict[str, Any]:
    return {
        "id": transition.job_id,
        "leaving": transition.leaving,
        "entering": transition.entering,
        "lease": transition.lease,
        "moved_at": transition.at,
        "detail": transition.detail,
        **{f"new_{name}": value for name, value in transition.changes.items()},
    }


def _event(transition: Transition, row: Row[Any]) -> dict[str, Any]:
    return {
        "job_id": row.id,
        "revision": row.revision,
        "status": row.status,
        "progress": row.progress,
        "at": transition.at,
        "detail": storable(transition.detail) if transition.detail else None,
    }


def _made(transition: Transition, row: Row[Any]) -> MadeTransition:
    error = transition.changes.get("error")
    return MadeTransition(
        leaving=transition.leaving,
        entering=transition.entering,
        at=transition.at,
        model=str(row.model),
        priority=row.priority if isinstance(row.priority, int) else 0,  # SQLite stores any type
        created_at=_time(row.created_at),
        due_at=_time(row.not_before),
        leased_at=_time(row.leased_at),
        error_code=error.get("code") if isinstance(error, Mapping) else None,
    )


def _time(value: datetime | Unreadable | None) -> datetime | None:
    return value if isinstance(value, datetime) else None


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
        .returning(jobs.c.id, jobs.c.revision, jobs.c.status, jobs.c.progress, *has_listener(), *_OBSERVED)
    )
    return moved if dialect == "sqlite" else _with_events(moved.returning(given.c.moved_at, given.c.detail))


def _with_events(changed: Update) -> Select[Any]:
    """Insert the events in the same statement."""
    moved = changed.cte("moved")
    values = [moved.c[name] for name in ("id", "revision", "status", "progress", "moved_at", "detail")]
    names = ["job_id", "revision", "status", "progress", "at", "detail"]
    return select(moved).add_cte(insert(events).from_select(names, select(*values)).cte("inserted"))


@lru_cache(maxsize=1)
def _insert_events() -> Insert:
    given, names = rows_source("sqlite", list(events.c)), [c.name for c in events.c]
    return insert(events).from_select(names, select(*(given.c[name] for name in names)))
