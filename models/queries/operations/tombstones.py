"""Tombstones: what was deleted, when and why; nothing of its content but a hash.

A hash proves what was deleted to whoever has the content. Of a job it is that of its id, model and prompt.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.tables import tombstones


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What is left of a deleted job or image."""

    id: UUID
    kind: str  #: job or asset
    deleted_at: datetime
    reason: str  #: request, retention or purge
    sha256: str


def job_hash(job_id: UUID, model: str, prompt: str) -> str:
    """Return the hash of a deleted job."""
    return hashlib.sha256(f"{job_id}\n{model}\n{prompt}".encode("utf-8", "replace")).hexdigest()


async def delete_tombstones(
    connection: AsyncConnection, after: UUID | None, *, before: datetime, limit: int
) -> tuple[int, UUID | None]:
    """Delete those of the next tombstones by id that are older than this.

    Returns how many, and the last id; ``None``: there are no more.
    """
    query = select(tombstones.c.id, tombstones.c.deleted_at).order_by(tombstones.c.id).limit(limit)
    rows = (await connection.execute(query if after is None else query.where(tombstones.c.id > after))).all()
    ids = [row.id for row in rows if row.deleted_at < before]
    if ids:
        await connection.execute(delete(tombstones).where(tombstones.c.id.in_(ids)))
    return len(ids), rows[-1].id if len(rows) == limit else None


async def write_tombstones(
    connection: AsyncConnection,
    jobs: Sequence[Row[Any]],
    assets: Sequence[Row[Any]],
    *,
    reason: str,
    at: datetime,
) -> None:
    """Write the tombstones of jobs (id, caller_id, model, prompt) and assets that are deleted now."""
    shared: Mapping[str, Any] = {"deleted_at": at, "reason": reason}
    rows = [
        {
            "id": job.id,
            "kind": "job",
            "caller_id": job.caller_id,
            "token": None,
            "sha256": job_hash(job.id, job.model, job.prompt),
            **shared,
        }
        for job in jobs
    ]
    rows += [
        {
            "id": asset.id,
            "kind": "asset",
            "caller_id": asset.caller_id,
            "token": asset.token,
            "sha256": asset.sha256,
            **shared,
        }
        for asset in assets
    ]
    if rows:
        await connection.execute(insert(tombstones), rows)


async def find_tombstone(
    connection: AsyncConnection, object_id: UUID, *, kind: str, caller_id: UUID | None
) -> Tombstone | None:
    """Return the tombstone of a caller's deleted object (``None``: anybody's), or ``None``."""
    query = select(tombstones).where(tombstones.c.id == object_id, tombstones.c.kind == kind)
    if caller_id is not None:
        query = query.where(tombstones.c.caller_id == caller_id)
    return _tombstone((await connection.execute(query)).first())


async def list_tombstones(
    connection: AsyncConnection, object_ids: Sequence[UUID], *, kind: str, caller_id: UUID | None
) -> Sequence[Tombstone]:
    """Return the tombstones of a caller's deleted objects (``None``: anybody's)."""
    query = select(tombstones).where(tombstones.c.id.in_(object_ids), tombstones.c.kind == kind)
    if caller_id is not None:
        query = query.where(tombstones.c.caller_id == caller_id)
    return [found for row in await connection.execute(query) if (found := _tombstone(row)) is not None]


async def find_tombstone_by_token(connection: AsyncConnection, token: str) -> Tombstone | None:
    """Return the tombstone of the image whose public URL had this token, or ``None``."""
    here = tombstones.c.token
    query = select(tombstones).where(here == token, here.is_not(None))
    return _tombstone((await connection.execute(query)).first())


async def count_tombstones(connection: AsyncConnection, caller_ids: Collection[UUID]) -> int:
    """Count the tombstones of callers."""
    here = tombstones.c.caller_id.in_(caller_ids)
    return int(await connection.scalar(select(func.count()).select_from(tombstones).where(here)) or 0)


def _tombstone(row: Row[Any] | None) -> Tombstone | None:
    return None if row is None else Tombstone(row.id, row.kind, row.deleted_at, row.reason, row.sha256)
