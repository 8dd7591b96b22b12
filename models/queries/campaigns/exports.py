"""Exports: insert, claim by a worker with an expiry, finish, and those whose content is to be deleted."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Row, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models.campaigns.export_options import ExportOptions, ExportStatus
from models.ids import new_id
from models.tables import campaigns, exports

S = ExportStatus
MOST_BUILDS = 3  #: an export whose workers end so often fails
UNFINISHED = (S.WAITING.value, S.RUNNING.value)
_WITH_CAMPAIGN = select(exports, campaigns.c.name.label("campaign")).join(
    campaigns, campaigns.c.id == exports.c.campaign_id
)


async def insert_export(
    connection: AsyncConnection, campaign_id: UUID, caller_id: UUID, options: ExportOptions, at: datetime
) -> UUID:
    """Insert an export that waits for a worker; return its id."""
    key = new_id()
    await connection.execute(
        insert(exports).values(
            id=key,
            campaign_id=campaign_id,
            caller_id=caller_id,
            status=S.WAITING.value,
            options=options.to_json(),
            builds=0,
            counts={},
            created_at=at,
        )
    )
    return key


async def get_export(connection: AsyncConnection, key: UUID) -> Row[Any] | None:
    """Return an export with the name of its campaign."""
    return (await connection.execute(_WITH_CAMPAIGN.where(exports.c.id == key))).first()


async def list_exports(
    connection: AsyncConnection,
    caller_ids: Sequence[UUID],
    *,
    campaign_id: UUID | None,
    before: UUID | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Return a page of the exports of callers, newest first, each with the name of its campaign."""
    query = _WITH_CAMPAIGN.where(exports.c.caller_id.in_(caller_ids))
    if campaign_id is not None:
        query = query.where(exports.c.campaign_id == campaign_id)
    if before is not None:
        query = query.where(exports.c.id < before)
    found: Sequence[Row[Any]] = (
        await connection.execute(query.order_by(exports.c.id.desc()).limit(limit))
    ).all()
    return found


async def count_unfinished(connection: AsyncConnection, caller_id: UUID) -> int:
    """Count the exports of a caller that are not finished."""
    query = select(func.count()).select_from(exports)
    query = query.where(exports.c.caller_id == caller_id, exports.c.status.in_(UNFINISHED))
    return await connection.scalar(query) or 0


async def claim_export(
    connection: AsyncConnection, build: UUID, *, at: datetime, until: datetime
) -> Row[Any] | None:
    """Claim the oldest export that no worker builds; its claim ends by itself."""
    here = exports.c
    free = here.status.in_(UNFINISHED), or_(here.claimed_until.is_(None), here.claimed_until <= at)
    query = select(here.id).where(*free).order_by(here.created_at).limit(1)
    key = await connection.scalar(query.with_for_update(skip_locked=True))
    if key is None:
        return None
    changes = {"build": build, "builds": here.builds + 1, "claimed_until": until}
    found = await connection.execute(
        update(exports).where(here.id == key, *free).values(status=S.RUNNING.value, **changes)
    )
    return await get_export(connection, key) if found.rowcount == 1 else None


async def extend_claim(connection: AsyncConnection, key: UUID, build: UUID, until: datetime) -> bool:
    """Extend a claim; ``False``: another worker has taken the export."""
    own = exports.c.id == key, exports.c.build == build, exports.c.status == S.RUNNING.value
    return (await connection.execute(update(exports).where(*own).values(claimed_until=until))).rowcount == 1


async def finish_export(
    connection: AsyncConnection,
    key: UUID,
    build: UUID,
    *,
    at: datetime,
    expires_at: datetime | None,
    counts: Mapping[str, int],
    size: int | None,
) -> bool:
    """Make an export ready, if this worker still has it; return whether it had."""
    return await _end(
        connection,
        key,
        build,
        status=S.READY.value,
        counts=dict(counts),
        bytes=size,
        finished_at=at,
        expires_at=expires_at,
    )


async def fail_export(
    connection: AsyncConnection, key: UUID, build: UUID, error: str, *, at: datetime
) -> bool:
    """Let an export fail, with the reason; return whether this worker still had it."""
    return await _end(connection, key, build, status=S.FAILED.value, error=error, finished_at=at)


async def page_of_ready(connection: AsyncConnection, after: UUID | None, limit: int) -> Sequence[Row[Any]]:
    """Return id and build of the next exports, by id, whose content is in the object store."""
    columns: tuple[Column[Any], ...] = (exports.c.id, exports.c.build)
    query = select(*columns).where(exports.c.status == S.READY.value, exports.c.bytes.is_not(None))
    query = query if after is None else query.where(exports.c.id > after)
    return (await connection.execute(query.order_by(exports.c.id).limit(limit))).all()


async def builds_of(connection: AsyncConnection, keys: Sequence[UUID]) -> set[tuple[UUID, UUID]]:
    """Return the builds of exports, by id, whose objects are needed: they are ready, or under way."""
    query = select(exports.c.id, exports.c.build).where(exports.c.id.in_(keys))
    query = query.where(exports.c.status.in_((S.READY.value, *UNFINISHED)), exports.c.build.is_not(None))
    return {(row.id, row.build) for row in await connection.execute(query)}


async def list_expired(connection: AsyncConnection, at: datetime) -> Sequence[UUID]:
    """Return exports whose content is to be deleted."""
    query = select(exports.c.id).where(exports.c.expires_at.is_not(None), exports.c.expires_at <= at)
    return (await connection.scalars(query.order_by(exports.c.expires_at).limit(100))).all()


async def expire_export(connection: AsyncConnection, key: UUID) -> None:
    """Note that the content of an export is deleted."""
    await connection.execute(
        update(exports).where(exports.c.id == key).values(status=S.EXPIRED.value, expires_at=None)
    )


async def _end(connection: AsyncConnection, key: UUID, build: UUID, **changes: Any) -> bool:
    own = exports.c.id == key, exports.c.build == build, exports.c.status == S.RUNNING.value
    statement = update(exports).where(*own).values(claimed_until=None, **changes)
    return (await connection.execute(statement)).rowcount == 1
