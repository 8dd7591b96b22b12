"""Archive a raw response, so that a later parser can read it again without a new call."""

import asyncio
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import structlog

from models.clock import rfc3339
from models.errors import ImageError
from models.ids import public_id
from models.outcomes import Outcome
from models.queries.leases import LeasedJob
from worker.archive.format import ArchivedResponse, dump
from worker.archive.redaction import INLINE_LIMIT, redact
from worker.asset_store import content_key
from worker.images.inspection import detect_format, inspect
from worker.images.limits import SMALL
from worker.services import WorkerServices
from worker.upstream.parsing.base64_stream import Blobs, replace_long_base64
from worker.upstream.reply import Reply
from worker.upstream.request import ProviderRequest

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _ArchiveEntry:
    """What is stored for one response."""

    document: bytes
    blobs: Mapping[str, bytes]  #: by key; images that become assets are left out


async def archive(
    services: WorkerServices, job: LeasedJob, request: ProviderRequest, reply: Reply
) -> str | None:
    """Store a response and return its key; ``None`` if the settings exclude it, or storing failed.

    An error is logged and the job goes on: its result matters more than the archive.
    """
    policy = services.settings.keep_answers
    if policy == "off" or (policy == "failures" and reply.result.outcome is Outcome.SUCCESS):
        return None
    at = services.clock()
    try:
        size = len(reply.raw) + len(request.body)
        args = (services, job, request, reply, at)
        entry = _entry(*args) if size <= SMALL else await asyncio.to_thread(_entry, *args)
        for key, blob in entry.blobs.items():
            await services.store.put(key, blob, content_type="application/octet-stream")
        return await services.record_log.put(entry.document, at)
    except Exception as error:  # noqa: BLE001 - hostile bytes may raise anything; the call was paid
        _log.warning("a raw answer was not kept; the job goes on", job=str(job.id), error=str(error)[:300])
        return None


def _entry(
    services: WorkerServices, job: LeasedJob, request: ProviderRequest, reply: Reply, at: datetime
) -> _ArchiveEntry:
    blobs: Blobs = dict(reply.blobs)
    body, cut = redact(reply.raw, blobs, limit=services.settings.answer_limit)
    parts = urlsplit(request.url)
    archived = ArchivedResponse(
        about={
            "job": public_id("job", job.id),
            "attempt": job.next_number,
            "channel": job.channel,
            "model": job.model,
            "at": rfc3339(at),
            "outcome": reply.result.outcome,
            "error_code": reply.result.code,
            "billed": reply.result.billed,
        },
        body=body,
        status=reply.http_status,
        headers=reply.headers,
        failure=reply.failure,
        elapsed=reply.elapsed,
        input_urls=tuple(replace_long_base64(url, inline_limit=INLINE_LIMIT) for url in request.input_urls),
        n=request.n,
        stream=request.stream,
        origin=f"{parts.scheme}://{parts.netloc}",
        cut=cut,
        blobs={digest: _key_of(digest, blob) for digest, blob in blobs.items()},
    )
    return _ArchiveEntry(
        dump(archived),
        {archived.blobs[digest]: blob for digest, blob in blobs.items() if not _becomes_asset(blob, reply)},
    )


def _key_of(digest: str, blob: bytes) -> str:
    """Return the key of a blob: for an image that of its asset, so that it is stored once."""
    try:
        return content_key(digest, detect_format(memoryview(blob)).extension)
    except ImageError:
        return f"answers/blobs/{digest[:2]}/{digest}"


def _becomes_asset(blob: bytes, reply: Reply) -> bool:
    """Return whether a blob is an image that is stored as an asset next."""
    if reply.result.outcome is not Outcome.SUCCESS or reply.answer is None:
        return False
    images = reply.answer.images
    if not any(image.blob is blob for image in images):
        text = binascii.b2a_base64(blob, newline=False).decode()
        if all(image.blob is not None or image.data != text for image in images):
            return False
    try:
        inspect(blob)
    except ImageError:
        return False
    return True
