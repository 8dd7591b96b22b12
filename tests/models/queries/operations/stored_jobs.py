"""Jobs in a database, for tests of queries over them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from models.database import Database
from models.ids import new_id
from models.queries.callers import insert_caller
from models.queries.jobs import NewJob, insert_jobs

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NEW = NewJob(new_id(), "m", "a cat", {"n": 2}, 0, 3, "hold", NOW)


async def add_caller(database: Database) -> UUID:
    """Insert a caller and return its id."""
    caller_id = new_id()
    async with database.writing() as connection:
        values: dict[str, Any] = {"key_hash": caller_id.bytes * 2, "key_hint": "", "admin": False}
        await insert_caller(connection, caller_id, name=f"caller {caller_id}", at=NOW, **values)
    return caller_id


async def add(database: Database, caller_id: UUID, *new_jobs: NewJob) -> Sequence[UUID]:
    """Insert queued jobs and return their ids."""
    async with database.writing() as connection:
        await insert_jobs(connection, new_jobs, caller_id=caller_id, surface="rest", at=NOW)
    return [job.id for job in new_jobs]
