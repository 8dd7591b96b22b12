"""What time the database has."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from models.columns import Utc


async def server_time(connection: AsyncConnection) -> datetime:
    """Return PostgreSQL's clock; it may run on another machine than ours."""
    return (await connection.execute(select(func.clock_timestamp(type_=Utc())))).scalar_one()
