"""What channels did lately, from the newest of their calls."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.tables import attempts

SAMPLE = 500  #: calls of one channel that are looked at, at most


async def count_starts(connection: AsyncConnection, channel: str, since: datetime) -> int:
    """Count the calls that a channel sent since then."""
    statement = (
        select(func.count())
        .select_from(attempts)
        .where(attempts.c.channel == channel, attempts.c.sent_at > since)
    )
    return await connection.scalar(statement) or 0


async def newest_calls(connection: AsyncConnection, channel: str, since: datetime) -> Sequence[Row[Any]]:
    """Return (sent_at, finished_at, outcome) of the calls since then, newest first, ``SAMPLE`` at most."""
    statement: Select[Any] = (
        select(attempts.c.sent_at, attempts.c.finished_at, attempts.c.outcome)
        .where(attempts.c.channel == channel, attempts.c.sent_at > since)
        .order_by(attempts.c.sent_at.desc())
        .limit(SAMPLE)
    )
    rows: Sequence[Row[Any]] = (await connection.execute(statement)).all()
    return rows
