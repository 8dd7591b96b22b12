"""Reading kept answers again with today's parser. No provider is called."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from models.database import Database
from models.errors import Conflict, ImageError, NotFound
from models.outcomes import Outcome
from models.queries.assets import list_assets
from models.queries.attempts import correct_attempt
from models.queries.jobs import list_attempts
from models.queries.transitions import apply, lock_job
from models.states import JobStatus
from worker.archive.format import ArchivedResponse, load, parse_archived
from worker.archive.record_log import read_record
from worker.asset_store import check_inline
from worker.images.limits import Limits
from worker.lifecycle import reopen_for_storing
from worker.pending_images import Piece, linked
from worker.storage.store import Store
from worker.upstream.diagnosis.explain import Explanation
from worker.upstream.handles import Handles
from worker.upstream.parsing.answer_text import message_text
from worker.upstream.parsing.base64_stream import Blobs
from worker.upstream.parsing.image import ResultImage

READABLE = frozenset({JobStatus.HELD, JobStatus.FAILED, JobStatus.SUCCEEDED})
"""What pictures that are found later are brought home for."""

_MOST = 20  # answers read for one job, the latest
_LARGEST = 128 * 2**20  # bytes of pictures held in memory for one answer
_STORED = ("key", "sha256", "content_type", "extension", "width", "height", "bytes", "source_url")


@dataclass(frozen=True, slots=True)
class ParsedAttempt:
    """One call's kept answer as it is read today, or in words why it can't be read."""

    number: int
    explanation: Explanation | None = None
    fault: str | None = None

    @property
    def found(self) -> bool:
        """Whether there are pictures (or videos) in it."""
        known = self.explanation
        return known is not None and known.outcome == Outcome.SUCCESS and known.answer is not None

    @property
    def handles(self) -> Handles:
        """By what the provider can be asked for the result again."""
        answer = self.explanation.answer if self.explanation else None
        return answer.handles if answer else Handles()


@dataclass(frozen=True, slots=True)
class ReparseResult:
    """What rereading came to; ``found`` counts pictures that the job did not have yet."""

    attempts: Sequence[ParsedAttempt]
    found: int = 0
    moved: bool = False


async def reparse(
    database: Database, store: Store, job: Row[Any], *, limits: Limits, at: datetime
) -> ReparseResult:
    """Read a job's kept answers, the latest first, until one has pictures; bring those home.

    Raises ``Conflict`` if the job changes meanwhile, and ``StorageError``.
    """
    async with database.reading() as connection:
        calls = (await list_attempts(connection, [job.id]))[::-1][:_MOST]
        assets = await list_assets(connection, [job.id])
    readings: list[ParsedAttempt] = []
    for call in calls:
        kept, reading = await _read(store, call)
        readings.append(reading)
        if kept is not None and reading.found:
            pieces = await _pieces(store, reading, assets, limits)
            fresh = sum("known" not in piece and "fault" not in piece for piece in pieces)
            if not fresh or job.status not in READABLE:
                return ReparseResult(readings, fresh)
            answer = {"pieces": pieces, "received_at": kept.about.get("at") or at.isoformat()}
            if reading.handles.pollable:  # its links may be dead by now, and fresh ones be had
                answer["handles"] = reading.handles.to_json()
            await _store_or_hold(database, job, answer, reading, at)
            return ReparseResult(readings, fresh, moved=True)
    return ReparseResult(readings)


async def _read(store: Store, call: Row[Any]) -> tuple[ArchivedResponse | None, ParsedAttempt]:
    if call.raw_key is None:
        return None, ParsedAttempt(call.number, fault="Its answer was not kept.")
    try:
        kept = load(await read_record(store, call.raw_key))
    except NotFound:
        return None, ParsedAttempt(
            call.number, fault=f"Its kept answer {call.raw_key} is gone from the storage."
        )
    except ValueError as error:
        return None, ParsedAttempt(call.number, fault=f"Its kept answer {call.raw_key} is damaged: {error}.")
    blobs = await _blobs(store, kept.blobs)
    return kept, ParsedAttempt(call.number, await asyncio.to_thread(parse_archived, kept, blobs))


async def _blobs(store: Store, keys: Mapping[str, str]) -> Blobs:
    """Return the bytes that stand-ins stand for, as far as they are there."""
    found: Blobs = {}
    held = 0
    for digest, key in keys.items():
        stat = await store.head(key)
        if stat is not None and held + stat.size <= _LARGEST:
            held += stat.size
            found[digest] = await store.get(key)
    return found


async def _pieces(
    store: Store, reading: ParsedAttempt, assets: Sequence[Row[Any]], limits: Limits
) -> list[Piece]:
    """Return the pictures that the job has, then those that it lacks."""
    pieces: list[Piece] = [
        {"stored": {name: getattr(asset, name) for name in _STORED}, "known": True} for asset in assets
    ]
    hashes, sources = {asset.sha256 for asset in assets}, {asset.source_url for asset in assets}
    answer = reading.explanation.answer if reading.explanation else None
    found: Sequence[ResultImage | str] = (answer.images or answer.videos) if answer else ()
    for each in found:
        picture = ResultImage(url=each) if isinstance(each, str) else each
        if sources.intersection((picture.url, *picture.alternates) if picture.url else ()):
            continue
        inside = await _stored(store, picture, limits) if picture.data or picture.spare else {}
        if inside.get("stored", {}).get("sha256") in hashes:
            continue
        away = linked(picture)
        if away and picture.url and "stored" in inside:
            away["spare"] = inside["stored"]
        pieces.append(away if away and (picture.url or "fault" in inside) else inside)
    return pieces


async def _stored(store: Store, picture: ResultImage, limits: Limits) -> Piece:
    """Put a picture that came inside the answer where assets are."""
    try:
        checked = await asyncio.to_thread(check_inline, picture, limits=limits)
    except ImageError as error:
        return {"fault": error.code, "message": error.message}
    return {"stored": asdict(await checked.put(store))}


async def _store_or_hold(
    database: Database, job: Row[Any], answer: Mapping[str, Any], reading: ParsedAttempt, at: datetime
) -> None:
    known = reading.explanation.answer if reading.explanation else None
    text = message_text(known) if known else ""
    async with database.writing() as connection:
        now = await lock_job(connection, job.id)
        if now is None or now.revision != job.revision or now.worker_id is not None:
            raise Conflict("This job changed while its answers were read; try again in a few seconds.")
        await apply(connection, [reopen_for_storing(now, answer, text, reading.number, at=at)])
        await correct_attempt(connection, job.id, reading.number)
