"""Deduplicate submits by Idempotency-Key or, if the settings say so, by content."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Caller
from api.jobs.idempotency import idempotency_key_of
from api.midjourney.responses import SubmitError, dialog_response, submit_response
from api.services import ApiServices
from models.midjourney.protocol import Code, TaskStatus
from models.midjourney.serializers import DISCORD_INSTANCE
from models.queries.idempotency_keys import claim_key, find_key, forget_key
from models.queries.midjourney.tasks import find_task
from models.settings import Settings

_PREFIX = "midjourney\n"  # keys of the native API have one line, so none collides
_FAILED = (TaskStatus.FAILURE, TaskStatus.CANCEL)
_REUSED = "Idempotency-Key: was used for another request; use a new one."
_BY_KEY = "Submitted before with this Idempotency-Key; this is its task."
_BY_CONTENT = "The same was submitted a moment ago; this is its task."
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class DuplicateKey:
    """Key that recognises the same submit again, and for how long."""

    key: str
    body_hash: bytes
    lifetime: timedelta
    by_content: bool


class DuplicateSubmit(Exception):
    """A submit that was accepted before: nothing is inserted, and the response names its task."""

    def __init__(self, task: Row[Any], *, by_content: bool) -> None:
        super().__init__(task.id)
        self.task, self.by_content = task, by_content


def duplicate_key_of(request: Request, body: bytes, settings: Settings) -> DuplicateKey | None:
    """Return the key of a submit, if any. An Idempotency-Key outranks the content.

    Raises a 422 ``Problem`` for an invalid Idempotency-Key.
    """
    seconds = settings.midjourney_deduplicate
    if "idempotency-key" not in request.headers and not seconds:
        return None
    digest = sha256(request.url.path.encode() + b"\n" + body).digest()
    if idempotency_key := idempotency_key_of(request, digest):
        lifetime = timedelta(seconds=settings.idempotency_ttl)
        return DuplicateKey(f"{_PREFIX}key\n{idempotency_key.key}", digest, lifetime, by_content=False)
    return DuplicateKey(
        f"{_PREFIX}content\n{digest.hex()}", digest, timedelta(seconds=seconds), by_content=True
    )


async def find_duplicate(
    services: ApiServices, caller: Caller, key: DuplicateKey | None, at: datetime
) -> None:
    """Raise ``DuplicateSubmit`` if a submit was accepted before.

    Raises ``SubmitError`` if its Idempotency-Key belongs to another request.
    """
    if key is not None:
        async with services.database.reading() as connection:
            await check_duplicate(connection, caller, key, at)


async def record_submit(
    connection: AsyncConnection, caller: Caller, key: DuplicateKey | None, at: datetime, *, task_id: int
) -> None:
    """Record a task's key in the transaction that inserts the task. Raises like ``check_duplicate``."""
    if key is None:
        return
    outdated = await check_duplicate(connection, caller, key, at)
    if outdated is not None:
        await forget_key(connection, caller.id, key.key, before=outdated.created_at + _TICK)
    claimed = await claim_key(
        connection,
        caller.id,
        key.key,
        body_hash=key.body_hash,
        job_ids=[str(task_id)],
        rejected=[],
        at=at,
    )
    if not claimed:
        await check_duplicate(connection, caller, key, at)


async def check_duplicate(
    connection: AsyncConnection, caller: Caller, key: DuplicateKey | None, at: datetime
) -> Row[Any] | None:
    """Return the outdated record of a key, if any.

    Raises ``DuplicateSubmit`` for a current record, ``SubmitError`` if it is of another request.
    """
    row = None if key is None else await find_key(connection, caller.id, key.key)
    if key is None or row is None:
        return None
    task = await find_task(connection, int(row.job_ids[0]), caller_id=caller.id)
    if task is None or row.created_at < at - key.lifetime:
        return row
    if key.by_content and task.outcome in _FAILED:
        return row
    if bytes(row.body_hash) != key.body_hash:
        raise SubmitError(Code.INVALID, _REUSED)
    raise DuplicateSubmit(task, by_content=key.by_content)


def replayed_response(duplicate: DuplicateSubmit) -> Response:
    """Answer with the existing task; with its dialog again while the task waits for that."""
    task = duplicate.task
    if task.modal is not None and task.outcome is None:
        return dialog_response(task.id, task.properties)
    description = _BY_CONTENT if duplicate.by_content else _BY_KEY
    return submit_response(Code.SUCCESS, description, str(task.id), discordInstanceId=DISCORD_INSTANCE)
