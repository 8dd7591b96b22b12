"""The same submit again: known by its Idempotency-Key or, if the settings ask for it, by its content."""

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
from api.midjourney.responses import SubmitError, dialog, submit_response
from api.services import ApiServices
from models.midjourney.protocol import Code, TaskStatus
from models.midjourney.serializers import INSTANCE
from models.queries.idempotency_keys import claim_key, find_key, forget_key
from models.queries.midjourney.tasks import find_task
from models.settings import Settings

_OURS = "midjourney\n"  # keys of the native API have one line, so none of them can be meant
_FAILED = (TaskStatus.FAILURE, TaskStatus.CANCEL)
_REUSED = "Idempotency-Key: was used for another request; use a new one."
_BY_KEY = "Submitted before with this Idempotency-Key; this is its task."
_BY_CONTENT = "The same was submitted a moment ago; this is its task."
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class DuplicateKey:
    """By what a submit is known again, and for how long."""

    key: str
    body_hash: bytes
    lifetime: timedelta
    by_content: bool


class DuplicateSubmit(Exception):
    """A submit that was accepted before: nothing is written, and its task is told again."""

    def __init__(self, task: Row[Any], *, by_content: bool) -> None:
        super().__init__(task.id)
        self.task, self.by_content = task, by_content


def duplicate_key_of(request: Request, body: bytes, settings: Settings) -> DuplicateKey | None:
    """Return by what a submit is known again, if by anything. A key outranks the content.

    Raises the 422 problem for what is no key.
    """
    seconds = settings.midjourney_deduplicate
    if "idempotency-key" not in request.headers and not seconds:
        return None
    digest = sha256(request.url.path.encode() + b"\n" + body).digest()
    if idempotency_key := idempotency_key_of(request, digest):
        lifetime = timedelta(seconds=settings.idempotency_ttl)
        return DuplicateKey(f"{_OURS}key\n{idempotency_key.key}", digest, lifetime, by_content=False)
    return DuplicateKey(
        f"{_OURS}content\n{digest.hex()}", digest, timedelta(seconds=seconds), by_content=True
    )


async def find_duplicate(
    services: ApiServices, caller: Caller, repeat: DuplicateKey | None, at: datetime
) -> None:
    """Raise ``Repeated`` if a submit was accepted before, ``Refusal`` if its key stands for another one."""
    if repeat is not None:
        async with services.database.reading() as connection:
            await check(connection, caller, repeat, at)


async def remember(
    connection: AsyncConnection, caller: Caller, repeat: DuplicateKey | None, at: datetime, *, number: int
) -> None:
    """Remember a task's submit in the transaction that writes the task. Raises what ``recall`` raises."""
    if repeat is None:
        return
    outdated = await check(connection, caller, repeat, at)
    if outdated is not None:
        await forget_key(connection, caller.id, repeat.key, before=outdated.created_at + _TICK)
    claimed = await claim_key(
        connection,
        caller.id,
        repeat.key,
        body_hash=repeat.body_hash,
        job_ids=[str(number)],
        rejected=[],
        at=at,
    )
    if not claimed:
        await check(connection, caller, repeat, at)


async def check(
    connection: AsyncConnection, caller: Caller, repeat: DuplicateKey | None, at: datetime
) -> Row[Any] | None:
    """Return what was remembered but does not count any more, if anything. Raises what ``recall`` raises."""
    row = None if repeat is None else await find_key(connection, caller.id, repeat.key)
    if repeat is None or row is None:
        return None
    task = await find_task(connection, int(row.job_ids[0]), caller_id=caller.id)
    if task is None or row.created_at < at - repeat.lifetime:
        return row
    if repeat.by_content and task.outcome in _FAILED:
        return row
    if bytes(row.body_hash) != repeat.body_hash:
        raise SubmitError(Code.INVALID, _REUSED)
    raise DuplicateSubmit(task, by_content=repeat.by_content)


def replayed_response(repeated: DuplicateSubmit) -> Response:
    """Answer with the task that is there; with its dialog once more, if it still waits for that."""
    task = repeated.task
    if task.modal is not None and task.outcome is None:
        return dialog(task.id, task.properties)
    words = _BY_CONTENT if repeated.by_content else _BY_KEY
    return submit_response(Code.SUCCESS, words, str(task.id), discordInstanceId=INSTANCE)
