"""Bytes of the stored images, by kind: results of jobs, and input images."""

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.tables import assets


async def count_bytes(connection: AsyncConnection) -> dict[str, int]:
    """Return the bytes by kind. It reads every asset's row: ask rarely. Equal content counts each time."""
    kind = case((assets.c.job_id.is_(None), "input"), else_="result").label("kind")
    rows = await connection.execute(select(kind, func.sum(assets.c.bytes)).group_by(kind))
    return {"result": 0, "input": 0} | {name: int(size) for name, size in rows}
