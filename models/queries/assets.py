"""Stored pictures as the API reads them: by id, by job, by public token."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.tables import assets


async def find_asset(connection: AsyncConnection, asset_id: UUID, *, caller_id: UUID) -> Row[Any] | None:
    """Return a caller's asset, or ``None``."""
    query = select(assets).where(assets.c.id == asset_id, assets.c.caller_id == caller_id)
    return (await connection.execute(query)).first()


async def find_asset_by_token(connection: AsyncConnection, token: str) -> Row[Any] | None:
    """Return the asset whose public address has this token, or ``None``."""
    return (await connection.execute(select(assets).where(assets.c.token == token))).first()


async def list_assets(connection: AsyncConnection, job_ids: Sequence[UUID]) -> Sequence[Row[Any]]:
    """Return the pictures of these jobs, in order."""
    query = select(assets).where(assets.c.job_id.in_(job_ids))
    return (await connection.execute(query.order_by(assets.c.job_id, assets.c.position))).all()
