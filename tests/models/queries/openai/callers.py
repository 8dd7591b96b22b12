"""Callers that own what the tests of these queries insert."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import insert

from models.database import Database
from models.ids import new_id
from models.tables import callers


async def new_caller(database: Database) -> UUID:
    """Insert a caller; return its id."""
    key = new_id()
    row = {"id": key, "name": "c", "key_hash": key.bytes * 2, "key_hint": "", "admin": False}
    async with database.writing() as connection:
        await connection.execute(insert(callers).values(**row, created_at=datetime.now(UTC)))
    return key
