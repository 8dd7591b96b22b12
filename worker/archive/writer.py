"""Raw answers are kept in storage, so that a better parser can read them again without a new call."""

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
from worker.archive.redaction import KEPT_RUN, redact, without_secrets
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
    """What goes into storage for one answer."""

    document: bytes
    blobs: Mapping[str, bytes]  #: by their keys; those that nobody else stores


async def archive(
    services: WorkerServices, job: LeasedJob, request: ProviderRequest, reply: Reply
) -> str | None:
    """Store an answer and return its key; ``None`` if that is not wanted, or did not work.

    A result must not be lost for its record: whatever fails here is logged, and the job goes on.
    """
    wanted = services.settings.keep_answers
    if wanted == "off" or (wanted == "failures" and reply.result.outcome is Outcome.SUCCESS):
        return None
    at = services.clock()
    try:
        size = len(reply.raw) + len(request.body)
        pack = (services, job, request, reply, at)
        parcel = _packed(*pack) if size <= SMALL else await asyncio.to_thread(_packed, *pack)
        for key, blob in parcel.blobs.items():
            await services.store.put(key, blob, content_type="application/octet-stream")
        return await services.record_log.put(parcel.document, at)
    except Exception as error:  # noqa: BLE001 - hostile bytes may raise anything; the answer was paid for
        _log.warning("a raw answer was not kept; the job goes on", job=str(job.id), error=str(error)[:300])
        return None


def _packed(
    services: WorkerServices, job: LeasedJob, request: ProviderRequest, reply: Reply, at: datetime
) -> _ArchiveEntry:
    channel = services.routes[job.channel].settings
    blobs: Blobs = dict(reply.blobs)
    secrets = (channel.api_key.get_secret_value(),)
    body, cut = redact(reply.raw, blobs, secrets=secrets, limit=services.settings.answer_limit)
    parts = urlsplit(request.url)
    kept = ArchivedResponse(
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
        headers=without_secrets(reply.headers, secrets),
        failure=reply.failure,
        elapsed=reply.elapsed,
        input_urls=tuple(replace_long_base64(url, inline_limit=KEPT_RUN) for url in request.input_urls),
        n=request.n,
        stream=request.stream,
        origin=f"{parts.scheme}://{parts.netloc}",
        cut=cut,
        blobs={digest: _key_of(digest, blob) for digest, blob in blobs.items()},
    )
    return _ArchiveEntry(
        dump(kept),
        {kept.blobs[digest]: blob for digest, blob in blobs.items() if not _delivered(blob, reply)},
    )


def _key_of(digest: str, blob: bytes) -> str:
    """Return where a blob is stored: a picture where its asset would be, so that it is there once."""
    try:
        return content_key(digest, detect_format(memoryview(blob)).extension)
    except ImageError:
        return f"answers/blobs/{digest[:2]}/{digest}"


def _delivered(blob: bytes, reply: Reply) -> bool:
    """Tell whether a blob is a picture that is about to be stored as an asset."""
    if reply.result.outcome is not Outcome.SUCCESS or reply.answer is None:
        return False
    pictures = reply.answer.images
    if not any(picture.blob is blob for picture in pictures):
        text = binascii.b2a_base64(blob, newline=False).decode()
        if all(picture.blob is not None or picture.data != text for picture in pictures):
            return False
    try:
        inspect(blob)
    except ImageError:
        return False
    return True
