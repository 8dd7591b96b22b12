"""Merge the differences of spend, total by total."""

from models.database import Database
from models.queries.money.spend import list_unmerged, merge


async def merge_spend(database: Database) -> None:
    """Merge the totals that have many differences, each in a transaction of its own."""
    async with database.reading() as connection:
        unmerged = await list_unmerged(connection)
    for key in unmerged:
        async with database.writing() as connection:
            await merge(connection, key)
