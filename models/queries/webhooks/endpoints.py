"""Webhook endpoints of a caller, and its default endpoint, whose secret signs for jobs' own URLs."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from models.ids import new_id
from models.tables import webhook_endpoints as endpoints


async def insert_endpoint(connection: AsyncConnection, row: Mapping[str, Any]) -> None:
    """Insert an endpoint."""
    await connection.execute(insert(endpoints).values(**row))


async def count_endpoints(connection: AsyncConnection, caller_id: UUID) -> int:
    """Count a caller's endpoints."""
    query = select(func.count()).where(endpoints.c.caller_id == caller_id, *_listed())
    return (await connection.execute(query)).scalar_one()


async def list_endpoints(connection: AsyncConnection, caller_id: UUID) -> Sequence[Row[Any]]:
    """Return a caller's endpoints, oldest first."""
    query = select(endpoints).where(endpoints.c.caller_id == caller_id, *_listed())
    return (await connection.execute(query.order_by(endpoints.c.id))).all()


async def find_endpoint(
    connection: AsyncConnection, endpoint_id: UUID, *, caller_id: UUID | None
) -> Row[Any] | None:
    """Return a caller's endpoint (``None``: anybody's), locked for this transaction, or ``None``."""
    query = select(endpoints).where(endpoints.c.id == endpoint_id)
    if caller_id is not None:
        query = query.where(endpoints.c.caller_id == caller_id)
    return (await connection.execute(query.where(*_listed()).with_for_update())).one_or_none()


async def change_endpoint(connection: AsyncConnection, endpoint_id: UUID, changes: Mapping[str, Any]) -> None:
    """Update columns of an endpoint."""
    await connection.execute(update(endpoints).where(endpoints.c.id == endpoint_id).values(**changes))


async def stored_secrets(connection: AsyncConnection, *, lock: bool = False) -> Sequence[Row[Any]]:
    """Return id and both stored secrets of all endpoints, also deleted ones; with ``lock``, locked."""
    query: Select[Any] = select(endpoints.c.id, endpoints.c.secret, endpoints.c.previous_secret).order_by(
        endpoints.c.id
    )
    rows: Sequence[Row[Any]] = (await connection.execute(query.with_for_update() if lock else query)).all()
    return rows


async def default_endpoints(
    connection: AsyncConnection, caller_ids: Collection[UUID]
) -> dict[UUID, Row[Any]]:
    """Return the default endpoints by caller, of those callers that have one."""
    query = select(endpoints).where(endpoints.c.caller_id.in_(caller_ids), endpoints.c.url.is_(None))
    return {row.caller_id: row for row in await connection.execute(query)}


async def default_endpoint(
    connection: AsyncConnection, caller_id: UUID, *, secret: str, at: datetime
) -> Row[Any]:
    """Return a caller's default endpoint; without one, insert it with this secret."""
    found = (await default_endpoints(connection, [caller_id])).get(caller_id)
    if found is None:
        insert_into = {"postgresql": insert_postgresql, "sqlite": insert_sqlite}[connection.dialect.name]
        row: dict[str, Any] = {
            "id": new_id(),
            "caller_id": caller_id,
            "url": None,
            "description": "",
            "events": [],
        }
        statement: Any = insert_into(endpoints).values(**row, secret=secret, created_at=at)
        await connection.execute(statement.on_conflict_do_nothing())
        found = (await default_endpoints(connection, [caller_id]))[caller_id]
    return found


def _listed() -> tuple[Any, ...]:
    return endpoints.c.url.is_not(None), endpoints.c.deleted_at.is_(None)
