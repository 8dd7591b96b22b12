"""Campaigns themselves: insert, find, list, and the only statement that changes their status."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Column,
    ColumnElement,
    Row,
    Select,
    case,
    delete,
    func,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from models.campaigns.status import CampaignKind, CampaignStatus, can_transition
from models.campaigns.windows import Opening
from models.ids import new_id
from models.tables import campaigns, jobs
from models.text_order import code_points


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A campaign as it is stored. ``spec``: its definition as JSON; none: a plain one."""

    id: UUID
    caller_id: UUID
    name: str
    kind: str
    status: str
    retry: Mapping[str, Any] | None
    spec: Mapping[str, Any] | None
    mapping: Mapping[str, str] | None
    weight: float
    rpm: float | None
    concurrency: int | None
    start_at: datetime | None
    deadline: datetime | None
    budget_micro: int | None
    currency: str | None
    closed: str | None  #: wait reason of its jobs, none of which is leased now
    opens_at: datetime | None
    closes_at: datetime | None
    paused_from: str | None
    paused_reason: str | None
    paused_detail: str | None
    paused_by: str | None
    paused_at: datetime | None
    paused_until: datetime | None
    failing_since: datetime | None
    row_count: int
    expected_items: int | None
    import_id: UUID | None
    import_until: datetime | None
    created_at: datetime | None
    updated_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    revision: int
    surface: str  #: of the jobs that it makes

    @property
    def opening(self) -> Opening:
        """When its jobs may be leased, by its start time and windows."""
        return Opening(self.opens_at, self.closes_at)

    @property
    def is_planned(self) -> bool:
        """Whether it has rows."""
        return self.kind == CampaignKind.PLANNED.value


_NAMES = tuple(field.name for field in fields(Campaign))
_CAMPAIGNS: Select[Any] = select(*(campaigns.c[name] for name in _NAMES))


def _campaign(row: Row[Any]) -> Campaign:
    return Campaign(**row._mapping)


async def insert_planned(
    connection: AsyncConnection, caller_id: UUID, name: str, *, at: datetime, values: Mapping[str, Any]
) -> UUID | None:
    """Insert a draft, and return its id; ``None`` if the caller has a campaign of this name.

    ``values``: further columns, such as ``spec``.
    """
    make = {"postgresql": insert_postgresql, "sqlite": insert_sqlite}.get(connection.dialect.name, insert)
    key = new_id()
    statement: Any = make(campaigns).values(
        id=key,
        caller_id=caller_id,
        name=name,
        kind=CampaignKind.PLANNED.value,
        status=CampaignStatus.DRAFT.value,
        created_at=at,
        updated_at=at,
        **values,
    )
    inserted = await connection.execute(statement.on_conflict_do_nothing().returning(campaigns.c.id))
    return key if inserted.first() else None


async def adopt_plain(connection: AsyncConnection, caller_id: UUID, name: str, at: datetime) -> None:
    """Insert a row for a campaign that only its jobs name, and give one without an id its id."""
    make = {"postgresql": insert_postgresql, "sqlite": insert_sqlite}.get(connection.dialect.name, insert)
    statement: Any = make(campaigns).values(
        id=new_id(), caller_id=caller_id, name=name, created_at=at, updated_at=at
    )
    key = [campaigns.c.caller_id, campaigns.c.name]
    changes = {"id": func.coalesce(campaigns.c.id, statement.excluded.id)}
    await connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changes))


async def find(
    connection: AsyncConnection,
    caller_ids: Sequence[UUID],
    *,
    key: UUID | None = None,
    name: str | None = None,
    lock: bool = False,
) -> Campaign | None:
    """Return a campaign of these callers by its id or its name, the oldest; ``lock`` locks it."""
    query = _CAMPAIGNS.where(campaigns.c.caller_id.in_(caller_ids), campaigns.c.id.is_not(None))
    query = query.where(campaigns.c.id == key if key is not None else campaigns.c.name == name)
    query = query.order_by(campaigns.c.id).limit(1)
    row = (await connection.execute(query.with_for_update() if lock else query)).first()
    return _campaign(row) if row else None


async def get(connection: AsyncConnection, key: UUID, *, lock: bool = False) -> Campaign | None:
    """Return a campaign of any caller by its id; ``lock`` locks it for this transaction."""
    query = _CAMPAIGNS.where(campaigns.c.id == key)
    row = (await connection.execute(query.with_for_update() if lock else query)).first()
    return _campaign(row) if row else None


async def list_by_id(connection: AsyncConnection, keys: Collection[UUID]) -> dict[UUID, Campaign]:
    """Return those of these campaigns that exist, by their ids."""
    if not keys:
        return {}
    return {
        row.id: _campaign(row) for row in await connection.execute(_CAMPAIGNS.where(campaigns.c.id.in_(keys)))
    }


async def list_planned_and_plain(
    connection: AsyncConnection, caller_ids: Sequence[UUID], *, after: str | None, limit: int
) -> list[Campaign]:
    """Return a page of campaigns that have a row, by name."""
    name = code_points(campaigns.c.name)
    query = _CAMPAIGNS.where(campaigns.c.caller_id.in_(caller_ids), campaigns.c.id.is_not(None))
    if after is not None:
        query = query.where(name > after)
    return [_campaign(row) for row in await connection.execute(query.order_by(name).limit(limit))]


async def list_newest(
    connection: AsyncConnection,
    caller_ids: Sequence[UUID] | None,
    *,
    statuses: Sequence[str] = (),
    before: UUID | None = None,
    limit: int,
) -> list[Campaign]:
    """Return a page of campaigns that have a row, the newest first; without ``statuses`` in any status.

    ``caller_ids``: ``None`` for all callers.
    """
    query = _CAMPAIGNS.where(*_of(caller_ids), campaigns.c.id.is_not(None))
    if statuses:
        query = query.where(campaigns.c.status.in_(statuses))
    if before is not None:
        query = query.where(campaigns.c.id < before)
    found = await connection.execute(query.order_by(campaigns.c.id.desc()).limit(limit))
    return [_campaign(row) for row in found]


def _of(caller_ids: Sequence[UUID] | None) -> list[ColumnElement[bool]]:
    return [] if caller_ids is None else [campaigns.c.caller_id.in_(caller_ids)]


async def count_by_status(connection: AsyncConnection, caller_ids: Sequence[UUID] | None) -> dict[str, int]:
    """Count the campaigns of callers (``None``: of all) that have a row, by status."""
    query = select(campaigns.c.status, func.count()).group_by(campaigns.c.status)
    query = query.where(*_of(caller_ids), campaigns.c.id.is_not(None))
    return {row[0]: row[1] for row in await connection.execute(query)}


async def list_active(connection: AsyncConnection) -> Sequence[UUID]:
    """Return the campaigns that the controller moves on; cancelled ones until all their jobs have ended.

    The conditions are those of the partial index.
    """
    here = campaigns.c
    planned = text("kind = 'planned' AND status NOT IN ('draft', 'finished')")
    unfinished = or_(here.status != CampaignStatus.CANCELLED.value, here.closed.is_not(None))
    query = select(here.id).where(planned, unfinished)
    return (await connection.scalars(query.order_by(campaigns.c.id))).all()


async def lock_free(connection: AsyncConnection, key: UUID) -> Campaign | None:
    """Lock and return a campaign; ``None`` if another process has locked it."""
    query = _CAMPAIGNS.where(campaigns.c.id == key).with_for_update(skip_locked=True)
    row = (await connection.execute(query)).first()
    return _campaign(row) if row else None


async def change_status(
    connection: AsyncConnection,
    campaign: Campaign,
    entering: CampaignStatus,
    *,
    at: datetime,
    changes: Mapping[str, Any] | None = None,
) -> bool:
    """Change the status, if it still is that of ``campaign``; return whether it was.

    The only statement that does. ``changes``: further columns. Raises ``ValueError`` for a transition that
    the state machine forbids.
    """
    leaving = CampaignStatus(campaign.status)
    if not can_transition(leaving, entering):
        raise ValueError(f"a campaign does not go from {leaving} to {entering}")
    statement = (
        update(campaigns)
        .where(campaigns.c.id == campaign.id, campaigns.c.status == leaving.value)
        .values(status=entering.value, revision=campaigns.c.revision + 1, updated_at=at, **(changes or {}))
    )
    return (await connection.execute(statement)).rowcount == 1


async def change(connection: AsyncConnection, key: UUID, *, at: datetime, changes: Mapping[str, Any]) -> None:
    """Change columns other than the status."""
    statement = update(campaigns).where(campaigns.c.id == key)
    await connection.execute(statement.values(revision=campaigns.c.revision + 1, updated_at=at, **changes))


async def add_rows(connection: AsyncConnection, key: UUID, *, rows: int, variants: int) -> None:
    """Count further rows; those of a campaign that was started raise the number of its expected items."""
    more = campaigns.c.expected_items + rows * variants
    statement = update(campaigns).where(campaigns.c.id == key)
    await connection.execute(
        statement.values(
            row_count=campaigns.c.row_count + rows,
            expected_items=case((campaigns.c.expected_items.is_not(None), more)),
        )
    )


async def claim_import(
    connection: AsyncConnection,
    key: UUID,
    import_id: UUID,
    *,
    until: datetime,
    at: datetime,
    take_over: bool = False,
) -> bool:
    """Claim a campaign for an import, or extend the claim; ``False`` while another import has it.

    ``take_over``: from any other import, which is told by its claim before it writes again.
    """
    here = campaigns.c
    statement = update(campaigns).where(here.id == key)
    if not take_over:
        free = or_(here.import_id.is_(None), here.import_id == import_id, here.import_until <= at)
        statement = statement.where(free)
    found = await connection.execute(statement.values(import_id=import_id, import_until=until))
    return found.rowcount == 1


async def end_import(
    connection: AsyncConnection, key: UUID, import_id: UUID, mapping: Mapping[str, str] | None
) -> None:
    """Release the claim of an import, and remember its mapping of columns."""
    statement = update(campaigns).where(campaigns.c.id == key, campaigns.c.import_id == import_id)
    changes: dict[str, Any] = {"import_id": None, "import_until": None}
    if mapping is not None:
        changes["mapping"] = dict(mapping)
    await connection.execute(statement.values(**changes))


async def delete_draft(connection: AsyncConnection, key: UUID) -> bool:
    """Delete a draft with its rows; return whether it was one."""
    draft = campaigns.c.status == CampaignStatus.DRAFT.value
    found = await connection.execute(delete(campaigns).where(campaigns.c.id == key, draft))
    return found.rowcount == 1


async def lock_queued_jobs(
    connection: AsyncConnection, caller_id: UUID, name: str, *, limit: int
) -> Sequence[Row[Any]]:
    """Lock and return id and status of queued jobs of a campaign, except those that are locked."""
    columns: tuple[Column[Any], ...] = (jobs.c.id, jobs.c.status)
    statement = (
        select(*columns)
        .where(jobs.c.caller_id == caller_id, jobs.c.campaign == name, jobs.c.status == "queued")
        .order_by(jobs.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return (await connection.execute(statement)).all()
