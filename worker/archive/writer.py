"""Archive raw responses, so that a later parser can read them again without a new call."""

import asyncio
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import structlog

from models.clock import rfc3339
from models.errors import ImageError, StorageError
from models.ids import public_id
from models.outcomes import Outcome
from models.queries.leases import LeasedJob
from worker.archive.format import ArchivedResponse, dump
from worker.archive.redaction import INLINE_LIMIT, redact
from worker.asset_store import content_key
from worker.group_commit import GroupCommit
from worker.images.inspection import inspect
from worker.images.limits import MIB, SMALL
from worker.lifecycle import note_response
from worker.services import WorkerServices
from worker.upstream.parsing.base64_stream import Blobs, replace_long_base64
from worker.upstream.reply import Reply
from worker.upstream.request import ProviderRequest

_MOST_WAITING = 64 * MIB  # bytes that wait for the object store; while it is away, further responses are lost
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _ArchiveEntry:
    """What is stored for one response."""

    document: bytes
    blobs: Mapping[str, bytes]  #: by key; images that become assets are left out

    @property
    def size(self) -> int:
        """Bytes in memory until it is stored."""
        return len(self.document) + sum(map(len, self.blobs.values()))


class Archiver:
    """Archives responses in the background: a job's result is written before, and needs no object store."""

    def __init__(self, services: WorkerServices, group_commit: GroupCommit) -> None:
        self._services, self._group_commit = services, group_commit
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting = 0  # bytes

    def post(self, job: LeasedJob, request: ProviderRequest, reply: Reply) -> None:
        """Archive a response soon, unless the settings exclude it."""
        policy = self._services.settings.keep_answers
        if policy == "off" or (policy == "failures" and reply.result.outcome is Outcome.SUCCESS):
            return
        task = asyncio.create_task(self._archive(job, request, reply), name=f"archive {job.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self, timeout: float | None = None) -> None:
        """Wait until all responses are archived; those that are not after ``timeout`` seconds are lost."""
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=timeout)
            for task in late:
                task.cancel()

    async def _archive(self, job: LeasedJob, request: ProviderRequest, reply: Reply) -> None:
        """Archive one response. An error is logged: the job's result does not depend on it."""
        at = self._services.clock()
        try:
            size = len(reply.raw) + len(request.body)
            args = (self._services, job, request, reply, at)
            entry = _entry(*args) if size <= SMALL else await asyncio.to_thread(_entry, *args)
            await self._group_commit.write(note_response(job, await self._store(entry, at)))
        except Exception as error:  # noqa: BLE001 - hostile bytes may raise anything
            _log.warning(
                "a raw answer was not kept; its job goes on",
                job=public_id("job", job.id),
                error=str(error)[:300],
            )

    async def _store(self, entry: _ArchiveEntry, at: datetime) -> str:
        """Store an entry and return its key. Raises ``StorageError``."""
        if self._waiting and self._waiting + entry.size > _MOST_WAITING:
            raise StorageError("too many raw answers wait for the storage")
        self._waiting += entry.size
        try:
            for key, blob in entry.blobs.items():
                await self._services.store.put(key, blob, content_type="application/octet-stream")
            return await self._services.record_log.put(entry.document, at)
        finally:
            self._waiting -= entry.size


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
        blobs={
            digest: _asset_key(digest, blob, reply) or f"answers/blobs/{digest[:2]}/{digest}"
            for digest, blob in blobs.items()
        },
    )
    others = {key: blobs[digest] for digest, key in archived.blobs.items() if key.startswith("answers/")}
    return _ArchiveEntry(dump(archived), others)


def _asset_key(digest: str, blob: bytes, reply: Reply) -> str | None:
    """Return the key under which a blob is stored as an asset, so that it is stored once; else ``None``."""
    if reply.result.outcome is not Outcome.SUCCESS or reply.answer is None:
        return None
    images = reply.answer.images
    if not any(image.blob is blob for image in images):
        text = binascii.b2a_base64(blob, newline=False).decode()
        if all(image.blob is not None or image.data != text for image in images):
            return None
    try:
        return content_key(digest, inspect(blob).extension)
    except ImageError:
        return None
