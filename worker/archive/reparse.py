"""Reparse the archived responses of a job with today's parser. No provider is called."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from models.database import Database
from models.errors import Conflict, ImageError, NotFound
from models.outcomes import Outcome
from models.queries.assets import list_assets
from models.queries.attempts import correct_attempt
from models.queries.jobs import find_job, list_attempts
from models.queries.transitions import lock_job
from models.serializers import is_present
from models.states import JobStatus
from worker.archive.format import ArchivedResponse, load, parse_archived
from worker.archive.record_log import read_record
from worker.asset_store import StoredImage, check_inline
from worker.images.limits import Limits
from worker.lifecycle import commit, reopen_for_storing
from worker.pending_images import (
    LostImage,
    PendingAnswer,
    PendingImage,
    ReadyImage,
    has_bytes,
    pending_image,
)
from worker.storage.store import Store
from worker.upstream.diagnosis.explain import Explanation
from worker.upstream.errors.own_text import NO_REQUEST, OwnText, own_text_of_job
from worker.upstream.handles import Handles
from worker.upstream.parsing.answer_text import message_text
from worker.upstream.parsing.base64_stream import Blobs
from worker.upstream.parsing.image import ResultImage

REOPENABLE = frozenset({JobStatus.HELD, JobStatus.FAILED, JobStatus.SUCCEEDED})
"""The states of jobs that are reopened to store images found later."""

_MOST = 20  # responses read for one job, the latest
_LARGEST = 128 * 2**20  # bytes of images held in memory for one response


@dataclass(frozen=True, slots=True)
class ParsedAttempt:
    """An attempt's archived response as it is parsed today, or in words why it can't be read."""

    number: int
    explanation: Explanation | None = None
    problem: str | None = None

    @property
    def found(self) -> bool:
        """Whether it has images (or videos)."""
        known = self.explanation
        return known is not None and known.outcome == Outcome.SUCCESS and known.answer is not None

    @property
    def handles(self) -> Handles:
        """With what the provider can be polled for the result."""
        answer = self.explanation.answer if self.explanation else None
        return answer.handles if answer else Handles()


@dataclass(frozen=True, slots=True)
class ReparseResult:
    """Result of a reparse; ``found`` counts the images that the job did not have yet."""

    attempts: Sequence[ParsedAttempt]
    found: int = 0
    moved: bool = False  #: whether the job was reopened to store them


async def reparse(
    database: Database, store: Store, job: Row[Any], *, limits: Limits, at: datetime
) -> ReparseResult:
    """Parse a job's archived responses, the latest first, until one has images; reopen the job to store them.

    Raises ``Conflict`` if the job changes meanwhile, and ``StorageError``.
    """
    async with database.reading() as connection:
        attempts = (await list_attempts(connection, [job.id]))[::-1][:_MOST]
        assets = await list_assets(connection, [job.id])
    parsed: list[ParsedAttempt] = []
    own = own_text_of_job(job.model, job.prompt, job.request)
    for attempt in attempts:
        archived, latest = await _read(store, attempt, own)
        parsed.append(latest)
        if archived is not None and latest.found:
            images = await _pending_images(store, latest, job, assets, limits)
            found = sum(not _is_known(image) and not isinstance(image, LostImage) for image in images)
            if not found or job.status not in REOPENABLE:
                return ReparseResult(parsed, found)
            received_at = datetime.fromisoformat(sent) if (sent := archived.about.get("at")) else at
            # its URLs may have expired, and polling may give fresh ones
            handles = latest.handles if latest.handles.pollable else None
            pending = PendingAnswer(images, received_at, handles)
            await _reopen(database, job, pending, latest, at)
            return ReparseResult(parsed, found, moved=True)
    return ReparseResult(parsed)


async def explain_job(database: Database, store: Store, job_id: UUID) -> list[ParsedAttempt]:
    """Parse a job's archived responses, the latest first, and change nothing. Raises ``StorageError``."""
    async with database.reading() as connection:
        attempts = (await list_attempts(connection, [job_id]))[::-1][:_MOST]
        job = await find_job(connection, job_id, caller_id=None)
    own = own_text_of_job(job.model, job.prompt, job.request) if job is not None else NO_REQUEST
    return [(await _read(store, attempt, own))[1] for attempt in attempts]


async def _read(
    store: Store, attempt: Row[Any], own: OwnText
) -> tuple[ArchivedResponse | None, ParsedAttempt]:
    number, key = attempt.number, attempt.raw_key
    if key is None:
        return None, ParsedAttempt(number, problem="Its answer was not kept.")
    try:
        archived = load(await read_record(store, key))
    except NotFound:
        return None, ParsedAttempt(number, problem=f"Its kept answer {key} is gone from the storage.")
    except ValueError as error:
        return None, ParsedAttempt(number, problem=f"Its kept answer {key} is damaged: {error}.")
    blobs = await _blobs(store, archived.blobs)
    return archived, ParsedAttempt(number, await asyncio.to_thread(parse_archived, archived, blobs, own))


async def _blobs(store: Store, keys: Mapping[str, str]) -> Blobs:
    """Return the bytes behind the placeholders by their SHA-256, as far as they are stored."""
    found: Blobs = {}
    held = 0
    for digest, key in keys.items():
        stat = await store.head(key)
        if stat is not None and held + stat.size <= _LARGEST:
            held += stat.size
            found[digest] = await store.get(key)
    return found


async def _pending_images(
    store: Store, parsed: ParsedAttempt, job: Row[Any], assets: Sequence[Row[Any]], limits: Limits
) -> list[PendingImage]:
    """Return the images that the job has, then those that it lacks in every generation."""
    present = [StoredImage.from_row(asset) for asset in assets if is_present(job, asset)]
    images: list[PendingImage] = [ReadyImage(image, known=True) for image in present]
    hashes, sources = {asset.sha256 for asset in assets}, {asset.source_url for asset in assets}
    answer = parsed.explanation.answer if parsed.explanation else None
    found: Sequence[ResultImage | str] = (answer.images or answer.videos) if answer else ()
    for each in found:
        image = ResultImage(url=each) if isinstance(each, str) else each
        if sources.intersection((image.url, *image.alternates) if image.url else ()):
            continue
        inline = await _store_inline(store, image, limits) if has_bytes(image) else None
        if isinstance(inline, ReadyImage) and inline.stored.sha256 in hashes:
            continue
        images.append(pending_image(image, inline))
    return images


def _is_known(image: PendingImage) -> bool:
    return isinstance(image, ReadyImage) and image.known


async def _store_inline(store: Store, image: ResultImage, limits: Limits) -> ReadyImage | LostImage:
    """Store the bytes that came inside the answer."""
    try:
        checked = await asyncio.to_thread(check_inline, image, limits=limits)
    except ImageError as error:
        return LostImage(error.code, error.message)
    return ReadyImage(await checked.put(store))


async def _reopen(
    database: Database, job: Row[Any], pending: PendingAnswer, parsed: ParsedAttempt, at: datetime
) -> None:
    answer = parsed.explanation.answer if parsed.explanation else None
    text = message_text(answer) if answer else ""
    async with database.writing() as connection:
        now = await lock_job(connection, job.id)
        if now is None or now.revision != job.revision or now.worker_id is not None:
            raise Conflict("This job changed while its answers were read; try again in a few seconds.")
        update = reopen_for_storing(now, pending.to_json(), text, parsed.number, at=at)
        await commit(connection, [update])
        await correct_attempt(connection, job.id, parsed.number)
