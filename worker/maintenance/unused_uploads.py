"""Unused uploads: input images that no job names are deleted; the storage sweep then finds their files."""

from collections import defaultdict
from datetime import datetime
from uuid import UUID

from models.database import Database
from models.queries.uploads import delete_unused, keep_for_ever, list_unused, named_by_jobs

_BATCH = 500


async def delete_unused_uploads(database: Database, at: datetime) -> int:
    """Delete some of the input images whose time has passed and which no job names; return how many."""
    async with database.reading() as connection:
        by_caller: defaultdict[UUID, list[UUID]] = defaultdict(list)
        for asset_id, caller_id in await list_unused(connection, at, _BATCH):
            by_caller[caller_id].append(asset_id)
    deleted = 0
    for caller_id, asset_ids in by_caller.items():
        async with database.writing() as connection:
            named = await named_by_jobs(connection, caller_id, asset_ids)
            await keep_for_ever(connection, named)
            deleted += await delete_unused(connection, set(asset_ids) - named, at)
    return deleted
