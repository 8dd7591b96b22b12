"""Batches of the OpenAI API: insert, find, list, claim, and the only statement that changes their status."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, insert, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models.openai.batch_status import TIMES, BatchStatus, can_transition
from models.tables import openai_batches as batches

_OPEN = text("status NOT IN ('completed', 'failed', 'expired', 'cancelled')")  # as in the partial index


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBatch:
    """A batch to insert."""

    id: UUID
    caller_id: UUID
    campaign_id: UUID
    input_file_id: UUID
    endpoint: str
    completion_window: str
    metadata: Mapping[str, str] | None
    inline_images: bool
    output_expires_after: int | None  #: seconds
    partial_output_id: UUID
    partial_error_id: UUID
    created_at: datetime
    expires_at: datetime


async def insert_batch(connection: AsyncConnection, new: NewBatch) -> None:
    """Insert a batch whose input is to be read."""
    values = {name: getattr(new, name) for name in NewBatch.__dataclass_fields__}
    await connection.execute(insert(batches).values(status=BatchStatus.VALIDATING.value, **values))


async def find_batch(
    connection: AsyncConnection, key: UUID, *, caller_id: UUID | None, lock: bool = False
) -> Row[Any] | None:
    """Return a caller's batch (``None``: anybody's), or ``None``; ``lock`` locks it."""
    query = select(batches).where(batches.c.id == key)
    if caller_id is not None:
        query = query.where(batches.c.caller_id == caller_id)
    return (await connection.execute(query.with_for_update() if lock else query)).first()


async def list_batches(
    connection: AsyncConnection, caller_id: UUID, *, after: UUID | None, limit: int
) -> Sequence[Row[Any]]:
    """Return a page of a caller's batches, the newest first."""
    query = select(batches).where(batches.c.caller_id == caller_id)
    if after is not None:
        query = query.where(batches.c.id < after)
    return (await connection.execute(query.order_by(batches.c.id.desc()).limit(limit))).all()


async def list_open(connection: AsyncConnection) -> Sequence[Row[Any]]:
    """Return the batches that have not ended, the oldest first; a read of a partial index."""
    return (await connection.execute(select(batches).where(_OPEN).order_by(batches.c.id))).all()


async def count_open(connection: AsyncConnection, caller_id: UUID) -> int:
    """Count the batches of a caller that have not ended."""
    query = select(func.count()).select_from(batches).where(_OPEN, batches.c.caller_id == caller_id)
    return await connection.scalar(query) or 0


async def change_status(
    connection: AsyncConnection,
    batch: Row[Any],
    entering: BatchStatus,
    *,
    at: datetime,
    claim: UUID | None = None,
    changes: Mapping[str, Any] | None = None,
) -> bool:
    """Change the status, if it still is that of ``batch``; return whether it was.

    The only statement that does. ``claim``: it must still hold, and ends. ``changes``: further columns.
    Raises ``ValueError`` for a transition that the state machine forbids.
    """
    leaving = BatchStatus(batch.status)
    if not can_transition(leaving, entering):
        raise ValueError(f"a batch does not go from {leaving} to {entering}")
    statement = update(batches).where(batches.c.id == batch.id, batches.c.status == leaving.value)
    if claim is not None:
        statement = statement.where(batches.c.claim == claim)
    values = {"status": entering.value, TIMES[entering]: at, "claim": None, "claimed_until": None}
    return (await connection.execute(statement.values(**values, **(changes or {})))).rowcount == 1


async def claim_batch(
    connection: AsyncConnection, key: UUID, claim: UUID, *, until: datetime, at: datetime
) -> bool:
    """Claim a batch for one API process, or extend its claim; ``False`` while another one has it."""
    here = batches.c
    free = or_(here.claim.is_(None), here.claim == claim, here.claimed_until <= at)
    statement = update(batches).where(here.id == key, free, _OPEN)
    return (await connection.execute(statement.values(claim=claim, claimed_until=until))).rowcount == 1


async def release_batch(connection: AsyncConnection, key: UUID, claim: UUID) -> None:
    """Release a claim, if it still holds."""
    statement = update(batches).where(batches.c.id == key, batches.c.claim == claim)
    await connection.execute(statement.values(claim=None, claimed_until=None))
