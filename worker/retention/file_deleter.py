"""Deletes the files of what was deleted, once nothing names them: images, thumbnails, responses."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.database import Database
from models.operations.thumbnail_keys import picture_key
from models.queries.assets import keys_with_thumbnails
from models.queries.operations.file_deletions import (
    due_file_deletions,
    end_file_deletions,
    postpone_file_deletions,
)
from worker.archive.erasure import erase_records
from worker.maintenance.orphans import LEAST_AGE, claim, unnamed_files
from worker.storage.object_store import StoredFile
from worker.storage.store import Store

_BATCH = 200  # files in one pass
_AGAIN = timedelta(minutes=10)  # until a file is looked at again that was put lately: a job may be storing it


@dataclass(frozen=True, slots=True)
class FilePass:
    """What one pass did."""

    deleted: int = 0
    in_use: int = 0  #: something else names them: they stay
    postponed: int = 0


async def delete_due_files(database: Database, store: Store, at: datetime, limit: int = _BATCH) -> FilePass:
    """Delete files that are due. Raises ``StorageError``; then nothing is lost, and the next pass repeats it.

    Where other databases use the store, images stay: they may name them.
    """
    async with database.reading() as connection:
        keys = await due_file_deletions(connection, at, limit)
    records = [key for key in keys if "#" in key]
    images = [key for key in keys if "#" not in key]
    done = await erase_records(store, records)
    gone, later, in_use = list(records), list[str](), 0
    if images:
        if (await claim(database, store)).others:
            later = images
        else:
            unnamed = await _unnamed(database, images, at)
            in_use = len(images) - len(unnamed)
            gone += set(images) - set(unnamed)
            for key in unnamed:
                if await store.delete_older(key, at - LEAST_AGE):
                    done += 1
                    gone.append(key)
                else:
                    (gone if await store.head(key) is None else later).append(key)
    async with database.writing() as connection:
        await end_file_deletions(connection, gone)
        await postpone_file_deletions(connection, later, at + _AGAIN)
    return FilePass(done, in_use, len(later))


async def _unnamed(database: Database, keys: Sequence[str], at: datetime) -> list[str]:
    """Return those of the images that nothing names. A thumbnail is named by an image that has some."""
    found = [file.key for file in await unnamed_files(database, [StoredFile(key, 0, at) for key in keys])]
    named = [key for key in keys if key not in set(found) and picture_key(key) != key]
    if named:
        async with database.reading() as connection:
            shown = await keys_with_thumbnails(connection, list({picture_key(key) for key in named}))
        found += [key for key in named if picture_key(key) not in shown]
    return found
