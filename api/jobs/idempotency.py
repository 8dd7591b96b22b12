"""Idempotency-Key: read the header, find an earlier submit, claim the key, replay the result.

A key stands for one submit of one caller for ``idempotency_ttl`` seconds. The same key and body return the
first result; another body is an error. A submit without any accepted job leaves its key unused, so that the
caller can correct the request and send it again.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request

from api.auth import Caller
from api.jobs.submit_result import SubmitResult
from api.services import ApiServices
from api.web.problems import Problem, invalid_field
from models.ids import parse_id, public_id
from models.queries.idempotency_keys import claim_key, find_key, forget_key

_KEY = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """The key of a submit, with the hash of its body."""

    key: str
    body_hash: bytes


def idempotency_key_of(request: Request, body_hash: bytes) -> IdempotencyKey | None:
    """Return the Idempotency-Key of a request, or ``None``. Raises the 422 problem for a malformed one."""
    key = request.headers.get("idempotency-key")
    if key is None:
        return None
    if not _KEY.fullmatch(key):
        raise invalid_field("Idempotency-Key", "must have 1 to 255 printable ASCII characters")
    return IdempotencyKey(key, body_hash)


async def find_replay(
    services: ApiServices, caller: Caller, idempotency_key: IdempotencyKey, at: datetime
) -> SubmitResult | None:
    """Return what ``read_replay`` returns, on a connection of its own."""
    async with services.database.reading() as connection:
        return await read_replay(connection, services, caller, idempotency_key, at)


async def read_replay(
    connection: AsyncConnection,
    services: ApiServices,
    caller: Caller,
    idempotency_key: IdempotencyKey | None,
    at: datetime,
) -> SubmitResult | None:
    """Return the result of the earlier submit with this key, or ``None``.

    Raises the 422 problem if that submit had another body.
    """
    if idempotency_key is None:
        return None
    row = await find_key(connection, caller.id, idempotency_key.key)
    if row is None or row.created_at < _oldest(services, at):
        return None
    if bytes(row.body_hash) != idempotency_key.body_hash:
        raise key_reused()
    return SubmitResult([parse_id("job", job_id) for job_id in row.job_ids], row.rejected, replayed=True)


def key_reused() -> Problem:
    """Return the 422 problem of a key that was used for another request."""
    return Problem(
        422,
        "idempotency_key_reused",
        "This Idempotency-Key was used for another request; use a new one.",
        errors=[{"field": "Idempotency-Key", "message": "was used for another request"}],
    )


async def claim_or_replay(
    connection: AsyncConnection,
    services: ApiServices,
    caller: Caller,
    idempotency_key: IdempotencyKey,
    result: SubmitResult,
    at: datetime,
) -> SubmitResult | None:
    """Store a result with accepted jobs under its key, in the transaction that inserts them.

    Returns ``None``, or the result of a submit that claimed the key first. Raises as ``read_replay`` does.
    """
    await forget_key(connection, caller.id, idempotency_key.key, before=_oldest(services, at))
    claimed = await claim_key(
        connection,
        caller.id,
        idempotency_key.key,
        body_hash=idempotency_key.body_hash,
        job_ids=[public_id("job", job_id) for job_id in result.job_ids],
        rejected=[dict(each) for each in result.rejected],
        at=at,
    )
    return None if claimed else await read_replay(connection, services, caller, idempotency_key, at)


def _oldest(services: ApiServices, at: datetime) -> datetime:
    """Return the time before which keys are expired."""
    return at - timedelta(seconds=services.settings.idempotency_ttl)
