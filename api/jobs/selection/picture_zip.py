"""ZIP of chosen pictures: stored entries streamed one by one, then a manifest of all that were named.

A picture is read once to check it, since its checksum comes before its bytes; one beyond ``_BUFFERED`` is
read a second time to be sent. So a download holds little memory, however large its pictures are.
"""

import hashlib
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Row

from api.auth import Caller
from api.jobs.caller_scope import callers_in_scope
from api.jobs.selection.job_conditions import AnyJobs, find_filter
from api.services import ApiServices
from api.web.problems import invalid_field, not_found
from models.clock import rfc3339
from models.errors import NotFound
from models.ids import parse_id, public_id
from models.queries.assets import list_assets_by_id
from models.queries.operations.tombstones import list_tombstones
from models.queries.selection.job_actions import list_samples
from models.queries.selection.pictures import list_pictures
from worker.exports.names import UniqueNames, safe_path
from worker.exports.zip_format import ZipEntry, directory_entry, end_records, local_header
from worker.images.limits import KIB
from worker.storage.store import Store

PICTURES = 1_000  #: of one ZIP
MANIFEST = "manifest.jsonl"
_BUFFERED = 1024 * KIB  # bytes of a picture that are held between its check and its sending
_UNKNOWN = "there is no such picture"
_WORDS = 60  # characters of the prompt in a name


@dataclass(frozen=True, slots=True)
class Missing:
    """A picture that was named and is not in the ZIP."""

    id: str
    problem: str

    def to_json(self) -> dict[str, Any]:
        """Return its line of the manifest."""
        return {"file": None, "asset": self.id, "problem": self.problem}


@dataclass(frozen=True, slots=True)
class ChosenPictures:
    """Pictures that are to be sent, in the order in which they were named, with their jobs."""

    assets: Sequence[Row[Any]]
    jobs: Mapping[UUID, Row[Any]]
    missing: Sequence[Missing]


@dataclass(frozen=True, slots=True)
class _Checked:
    size: int
    crc32: int
    sha256: str
    content: Sequence[bytes] | None  #: all of it, unless it is large


async def choose_pictures(services: ApiServices, caller: Caller, ids: Sequence[str]) -> ChosenPictures:
    """Return the pictures of the caller with these ids. Raises the 404 problem if there is none of them.

    Those that do not exist, belong to others or were deleted are named in the manifest.
    """
    keys: dict[str, UUID | None] = {}
    for text in ids:
        try:
            keys[text] = parse_id("asset", text)
        except NotFound:
            keys[text] = None
    async with services.database.reading() as connection:
        wanted = [key for key in keys.values() if key is not None]
        rows = {row.id: row for row in await list_assets_by_id(connection, wanted, caller_id=caller.scope)}
        absent = [key for key in wanted if key not in rows]
        gone = {
            each.id: each.deleted_at
            for each in await list_tombstones(connection, absent, kind="asset", caller_id=caller.scope)
        }
        found = [rows[key] for key in keys.values() if key in rows]
        job_ids = [row.job_id for row in found if row.job_id is not None]
        jobs = {row.id: row for row in await list_samples(connection, job_ids)} if job_ids else {}
    missing = [
        Missing(text[:64], f"it was deleted on {rfc3339(gone[key])}" if key in gone else _UNKNOWN)
        for text, key in keys.items()
        if key not in rows
    ]
    if not found:
        first = missing[0]
        raise not_found(f"None of the {len(missing):,} pictures can be sent; of {first.id}: {first.problem}.")
    return ChosenPictures(found, jobs, missing)


async def choose_matching(services: ApiServices, caller: Caller, given: AnyJobs) -> ChosenPictures:
    """Return the pictures of all jobs that match, newest first.

    Raises the 404 problem if there is none, and the 422 problem of a wrong filter and of more than
    ``PICTURES``.
    """
    wanted = await find_filter(services, caller, given, "filter.")
    async with services.database.reading() as connection:
        caller_ids = await callers_in_scope(connection, caller, given.caller)
        found = await list_pictures(connection, caller_ids, wanted, limit=PICTURES + 1)
        job_ids = list({row.job_id for row in found})
        jobs = {row.id: row for row in await list_samples(connection, job_ids)} if job_ids else {}
    if not found:
        raise not_found("No job that matches has a picture.")
    if len(found) > PICTURES:
        raise invalid_field("filter", f"matches more than {PICTURES:,} pictures: narrow it, such as by time")
    return ChosenPictures(found, jobs, ())


async def zip_pictures(store: Store, chosen: ChosenPictures, at: datetime) -> AsyncIterator[bytes]:
    """Yield the ZIP. A file that is missing or damaged is left out, and named in the manifest.

    Raises ``StorageError``.
    """
    names, entries, lines = UniqueNames(), list[bytes](), list[dict[str, Any]]()
    names.add([MANIFEST])
    offset = 0
    for asset in chosen.assets:
        job = chosen.jobs.get(asset.job_id)
        checked = await _check(store, asset)
        if isinstance(checked, Missing):
            lines.append(checked.to_json())
            continue
        name = names.add(safe_path(_name(asset, job), asset.extension))
        entry = ZipEntry(name, checked.size, checked.crc32, offset)
        header = local_header(entry, at)
        yield header
        if checked.content is None:
            async for chunk in store.stream(asset.key):
                yield chunk
        else:
            yield b"".join(checked.content)
        offset += len(header) + checked.size
        entries.append(directory_entry(entry, at))
        lines.append(_line(name, asset, job))
    lines += [each.to_json() for each in chosen.missing]
    manifest = b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines)
    entry = ZipEntry(MANIFEST, len(manifest), zlib.crc32(manifest), offset)
    header = local_header(entry, at)
    entries.append(directory_entry(entry, at))
    directory = b"".join(entries)
    end = end_records(len(entries), offset + len(header) + len(manifest), len(directory))
    yield header + manifest + directory + end


async def _check(store: Store, asset: Row[Any]) -> _Checked | Missing:
    """Read a picture's file, and return its sums."""
    digest, crc32, size, content = hashlib.sha256(), 0, 0, list[bytes]()
    try:
        async for chunk in store.stream(asset.key):
            digest.update(chunk)
            crc32, size = zlib.crc32(chunk, crc32), size + len(chunk)
            content = [*content, chunk] if size <= _BUFFERED else []
    except NotFound:
        return Missing(public_id("asset", asset.id), "its file is missing in the storage")
    if digest.hexdigest() != asset.sha256:
        return Missing(public_id("asset", asset.id), "its file in the storage is damaged")
    return _Checked(size, crc32, digest.hexdigest(), content if size <= _BUFFERED else None)


def _name(asset: Row[Any], job: Row[Any] | None) -> str:
    """Return a name that people recognise: the beginning of the prompt, and a part of the job's id."""
    words = " ".join(((job.prompt if job else "") or "picture").replace("/", " ").split())[:_WORDS].strip()
    owner = public_id("job", job.id) if job else public_id("asset", asset.id)
    return f"{words} {owner[-8:]}-{asset.position}"


def _line(file: str, asset: Row[Any], job: Row[Any] | None) -> dict[str, Any]:
    return {
        "file": file,
        "asset": public_id("asset", asset.id),
        "job": public_id("job", job.id) if job else None,
        "model": job.model if job else None,
        "prompt": job.prompt if job else None,
        "content_type": asset.content_type,
        "width": asset.width,
        "height": asset.height,
        "bytes": asset.bytes,
        "sha256": asset.sha256,
    }
