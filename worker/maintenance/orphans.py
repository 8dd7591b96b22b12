"""Orphans: files of the object store that no row names, and assets whose file is missing.

A file belongs to Darkroom if its key is a content key or a thumbnail's, and to this database if no other
database has left its marker in the store. Only such files are ever deleted, and only if no job or asset names
them (a thumbnail goes with its picture) and they were not put for ``orphan_age``: the put of a submit in
progress renews a file's age.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from models.database import Database
from models.operations.thumbnail_keys import picture_key
from models.queries.assets import keys_in_use, mark_missing, page_of_files, pending_answers
from models.queries.callers import oldest_caller
from worker.images.inspection import EXTENSIONS
from worker.pending_images import keys_of
from worker.storage.object_store import StoredFile
from worker.storage.store import Store

SHARDS = tuple(f"{number:02x}/" for number in range(256))  #: prefixes of all content keys
_CONTENT_KEY = re.compile(
    rf"([0-9a-f]{{2}})/([0-9a-f]{{2}})/\1\2[0-9a-f]{{60}}\.({'|'.join(EXTENSIONS)})(\.[0-9]{{2,4}}\.webp)?"
)
_MARKERS = ".databases/"
_MARKER_TEXT = b"A Darkroom database keeps its images here. Delete this file only if that database is gone.\n"
_UPGRADE = timedelta(days=1)  # in which workers of earlier versions may still run beside this one
LEAST_AGE = timedelta(hours=1)  #: of a file that is deleted: a younger one may be stored right now
_LOOKS = 20  # files that are looked up at once
_PAGE = 1000  # files that are listed at once


@dataclass(frozen=True, slots=True)
class Ownership:
    """Which files of a store may be deleted."""

    since: datetime | None  #: those put since then; ``None``: none at all
    others: Sequence[str] = ()  #: keys of the markers of other databases


@dataclass(frozen=True, slots=True)
class AssetFiles:
    """Assets of one page, compared with the store."""

    checked: int
    missing: Sequence[Row[Any]]  #: id, job_id, key and missing_at of those without a whole file
    found_again: Sequence[UUID]
    last: UUID | None  #: where the next page begins; ``None``: it was the last one


async def claim(database: Database, store: Store) -> Ownership:
    """Leave this database's marker in the store, and return what it owns there. Raises ``StorageError``.

    Files older than the marker stay: an archived response of an earlier version may refer to them.
    """
    async with database.reading() as connection:
        name = await oldest_caller(connection)
    if name is None:
        return Ownership(None)
    own = f"{_MARKERS}{name}"
    if await store.head(own) is None:
        await store.put(own, _MARKER_TEXT, content_type="text/plain")
    markers = {each.key: each for each in await store.list_files(_MARKERS, limit=100)}
    others = sorted(markers.keys() - {own})
    if others or own not in markers:
        return Ownership(None, others)
    return Ownership(markers[own].modified + _UPGRADE)


def deletable_before(ownership: Ownership, age: timedelta, now: datetime) -> datetime | None:
    """Return the time before which an orphan must have been put to be deleted; ``None``: no orphan is."""
    return None if ownership.since is None or not age else now - max(age, LEAST_AGE)


async def unnamed_files(database: Database, files: Sequence[StoredFile]) -> list[StoredFile]:
    """Return those of the files with a content key that neither an asset nor a job being stored names."""
    ours = [file for file in files if _CONTENT_KEY.fullmatch(file.key)]
    if not ours:
        return []
    async with database.reading() as connection:
        answers = await pending_answers(connection)  # first: a job that ends meanwhile has its assets then
        in_use = await keys_in_use(connection, list({picture_key(file.key) for file in ours}))
    in_use.update(_keys(answers))
    return [file for file in ours if picture_key(file.key) not in in_use]


async def delete_orphans(
    database: Database, store: Store, files: Sequence[StoredFile], ownership: Ownership, before: datetime
) -> list[StoredFile]:
    """Delete the orphans among the files that were put before this time; return them.

    Raises ``StorageError``.
    """
    since = ownership.since
    old = [file for file in files if since is not None and since <= file.modified < before]
    return [file for file in await unnamed_files(database, old) if await store.delete_older(file.key, before)]


async def delete_unused(
    store: Store,
    prefixes: Iterable[str],
    find_unused: Callable[[Sequence[StoredFile]], Awaitable[list[StoredFile]]],
    before: datetime | None,
) -> tuple[list[str], int]:
    """List the files below these prefixes page by page, and delete the unused ones that were put ``before``.

    Returns the keys of all unused ones, and how many were deleted (``None``: none is). Raises
    ``StorageError``.
    """
    keys: list[str] = []
    deleted = 0
    for prefix in prefixes:
        after = ""
        while page := await store.list_files(prefix, after=after, limit=_PAGE):
            after = page[-1].key
            unused = [file.key for file in await find_unused(page)]
            keys += unused
            if before is not None:
                deleted += sum([await store.delete_older(key, before) for key in unused])
    return keys, deleted


async def check_assets(
    database: Database, store: Store, after: UUID | None, *, limit: int, at: datetime
) -> AssetFiles:
    """Look up the files of the next assets by id; mark the missing ones. Raises ``StorageError``."""
    async with database.reading() as connection:
        rows = await page_of_files(connection, after, limit)
    missing, found_again = [], []
    for start in range(0, len(rows), _LOOKS):
        chunk = rows[start : start + _LOOKS]
        stats = await asyncio.gather(*(store.head(row.key) for row in chunk))
        whole = [stat is not None and stat.size == row.bytes for row, stat in zip(chunk, stats, strict=True)]
        missing += [row for row, is_whole in zip(chunk, whole, strict=True) if not is_whole]
        pairs = zip(chunk, whole, strict=True)
        found_again += [row.id for row, is_whole in pairs if is_whole and row.missing_at is not None]
    lost = [row.id for row in missing if row.missing_at is None]
    if lost or found_again:
        async with database.writing() as connection:
            await mark_missing(connection, lost, at)
            await mark_missing(connection, found_again, None)
    return AssetFiles(len(rows), missing, found_again, rows[-1].id if len(rows) == limit else None)


def _keys(answers: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for answer in answers:
        yield from keys_of(answer)
