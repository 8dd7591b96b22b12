"""Stored pictures as the API reads them: by id, by job, by public token."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import Insert, Row, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.queries.bulk import rows_parameter, rows_source
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


# Stored pictures of jobs, many at once.


async def insert_assets(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Note stored pictures."""
    if rows:
        await connection.execute(_insert(connection.dialect.name), rows_parameter(connection, rows))


async def find_inputs(
    connection: AsyncConnection, asset_ids: Sequence[UUID], caller_id: UUID
) -> Sequence[Row[Any]]:
    """Return those of the assets that belong to a caller."""
    statement = select(assets).where(assets.c.id.in_(asset_ids), assets.c.caller_id == caller_id)
    return (await connection.execute(statement)).all()


@lru_cache(maxsize=2)
def _insert(dialect: str) -> Insert:
    given = rows_source(dialect, list(assets.c))
    return insert(assets).from_select(
        [c.name for c in assets.c], select(*(given.c[c.name] for c in assets.c))
    )
