"""Assets, the stored images of jobs and callers: found by id, job or public token; inserted many at once."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Insert, Row, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.ids import new_id
from models.queries.bulk import row_of, rows_parameter, rows_source
from models.tables import assets


def _new_token() -> str:
    return secrets.token_urlsafe(18)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAsset:
    """An asset to insert, by the columns of its row."""

    caller_id: UUID
    job_id: UUID | None = None  #: ``None`` for input images, and images made for a Midjourney task
    position: int = 0  #: among the assets of its job
    key: str  #: in the object store
    sha256: str
    content_type: str
    extension: str
    width: int | None
    height: int | None
    bytes: int
    source_url: str | None
    created_at: datetime
    id: UUID = field(default_factory=new_id)
    token: str = field(default_factory=_new_token)  #: of its public URL


async def find_asset(connection: AsyncConnection, asset_id: UUID, *, caller_id: UUID) -> Row[Any] | None:
    """Return a caller's asset, or ``None``."""
    query = select(assets).where(assets.c.id == asset_id, assets.c.caller_id == caller_id)
    return (await connection.execute(query)).first()


async def find_asset_by_token(connection: AsyncConnection, token: str) -> Row[Any] | None:
    """Return the asset whose public URL has this token, or ``None``."""
    return (await connection.execute(select(assets).where(assets.c.token == token))).first()


async def find_inputs(
    connection: AsyncConnection, asset_ids: Sequence[UUID], caller_id: UUID
) -> Sequence[Row[Any]]:
    """Return those of the assets that belong to a caller."""
    statement = select(assets).where(assets.c.id.in_(asset_ids), assets.c.caller_id == caller_id)
    return (await connection.execute(statement)).all()


async def list_assets(connection: AsyncConnection, job_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """Return the assets of these jobs, by job and position."""
    query = select(assets).where(assets.c.job_id.in_(job_ids))
    return (await connection.execute(query.order_by(assets.c.job_id, assets.c.position))).all()


async def insert_assets(connection: AsyncConnection, new: Sequence[NewAsset]) -> None:
    """Insert assets, many in one statement."""
    if new:
        rows = rows_parameter(connection, map(row_of, new))
        await connection.execute(_insert(connection.dialect.name), rows)


@lru_cache(maxsize=2)
def _insert(dialect: str) -> Insert:
    given = rows_source(dialect, list(assets.c))
    return insert(assets).from_select(
        [c.name for c in assets.c], select(*(given.c[c.name] for c in assets.c))
    )
