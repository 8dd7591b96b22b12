"""State of the database itself."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

READ_ONLY = "takes no writes: it is a standby, or read-only"
READ_ONLY_FIX = "Name the primary in DARKROOM_DATABASE_URL, or all servers with commas between them."


async def is_read_only(connection: AsyncConnection) -> bool:
    """Return whether this transaction can't write. On SQLite a writing transaction would not have begun."""
    if connection.dialect.name == "sqlite":
        return False
    setting = select(func.current_setting("transaction_read_only"))
    return bool(await connection.scalar(setting) == "on")
