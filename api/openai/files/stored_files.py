"""Stored files: their objects, their rows, and the deletion of both once they have expired."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from api.auth import Caller
from api.services import ApiServices
from models.errors import NotFound, StorageError
from models.ids import new_id
from models.openai.file_ids import file_id, parse_file_id
from models.openai.partial_pictures import FOLDER
from models.queries.openai import files
from models.queries.openai.files import NewFile

JSONL = "application/jsonl"
BATCH, OUTPUT = "batch", "batch_output"  #: purposes of the files of batches
_CHUNK = 200  # files that are deleted at a time
_ORPHAN = timedelta(days=1)  # age of an object without a row, which an upload that was cut has left
_log = structlog.get_logger()


def object_key(key: UUID) -> str:
    """Return the key of a file's object."""
    return f"{FOLDER}{key.hex}"


async def put_content(services: ApiServices, path: Path, *, content_type: str) -> UUID:
    """Store the content of a new file, and return its id. Raises ``StorageError``."""
    key = new_id()
    await services.store.put(object_key(key), path, content_type=content_type)
    return key


async def find_own_file(connection: AsyncConnection, caller: Caller, text: str, at: datetime) -> Row[Any]:
    """Return a file that the caller may see, by its id. Raises ``NotFound``."""
    row = await files.find_file(connection, parse_file_id(text), caller_id=caller.scope, at=at)
    if row is None:
        raise NotFound(f"No such File object: {text[:64]}")
    return row


async def delete_file(services: ApiServices, row: Any) -> None:
    """Delete a file; a picture stays, as jobs may name its asset."""
    async with services.database.writing() as connection:
        await files.delete_file(connection, row.id)
    await drop_objects(services, [row.key])


async def drop_objects(services: ApiServices, keys: Sequence[str | None]) -> None:
    """Delete objects that only files have named; what can't be deleted now is an orphan."""
    for key in keys:
        if key is not None and key.startswith(FOLDER):
            try:
                await services.store.delete(key)
            except StorageError as error:
                _log.warning("the content of a file could not be deleted", key=key, error=str(error)[:300])


async def delete_expired(services: ApiServices) -> None:
    """Delete files that have expired."""
    while True:
        async with services.database.reading() as connection:
            expired = await files.list_expired(connection, services.clock(), limit=_CHUNK)
        for row in expired:
            await delete_file(services, row)
        if len(expired) < _CHUNK:
            return


async def delete_orphans(services: ApiServices) -> None:
    """Delete objects without a row that are older than any upload lasts."""
    after, before = "", services.clock() - _ORPHAN
    while found := await services.store.list_files(FOLDER, after=after, limit=_CHUNK):
        after = found[-1].key
        old = {_id_of(each.key): each.key for each in found if each.modified < before}
        async with services.database.reading() as connection:
            known = await files.known_keys(connection, [key for key in old if key is not None])
        for key, name in old.items():
            if key is not None and key not in known:
                await services.store.delete_older(name, before)


def _id_of(key: str) -> UUID | None:
    try:
        return UUID(hex=key.removeprefix(FOLDER))
    except ValueError:
        return None


def output_file(
    caller_id: UUID, key: UUID, filename: str, size: int, *, at: datetime, expires_at: datetime | None = None
) -> NewFile:
    """Return the row of a file that a batch has written."""
    return NewFile(
        id=key,
        caller_id=caller_id,
        purpose=OUTPUT,
        filename=filename,
        content_type=JSONL,
        bytes=size,
        key=object_key(key),
        created_at=at,
        expires_at=expires_at,
    )


def name_of(key: UUID) -> str:
    """Return the name under which a file is downloaded if it has none."""
    return f"{file_id(key)}.jsonl"
