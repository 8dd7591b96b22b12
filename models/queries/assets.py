"""Stored pictures: written by submit (inputs), read by id, by job and by public token."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.tables import assets


async def insert_assets(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write asset rows; every column is given."""
    if rows:
        await connection.execute(insert(assets), [dict(row) for row in rows])


async def find_asset(connection: AsyncConnection, asset_id: UUID, *, caller_id: UUID) -> Row[Any] | None:
    """Return a caller's asset, or ``None``."""
    query = select(assets).where(assets.c.id == asset_id, assets.c.caller_id == caller_id)
    return (await connection.execute(query)).first()


async def find_asset_by_token(connection: AsyncConnection, token: str) -> Row[Any] | None:
    """Return the asset whose public address has this token, or ``None``."""
    return (await connection.execute(select(assets).where(assets.c.token == token))).first()


async def owned_assets(
    connection: AsyncConnection, asset_ids: Collection[UUID], *, caller_id: UUID
) -> set[UUID]:
    """Return those of ``asset_ids`` that exist and belong to the caller."""
    query = select(assets.c.id).where(assets.c.id.in_(asset_ids), assets.c.caller_id == caller_id)
    return set((await connection.execute(query)).scalars())


async def list_assets(connection: AsyncConnection, job_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """Return the pictures of these jobs, in order."""
    query = select(assets).where(assets.c.job_id.in_(job_ids))
    return (await connection.execute(query.order_by(assets.c.job_id, assets.c.position))).all()
