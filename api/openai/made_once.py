"""Objects other than jobs that a request makes once: the same request again gets the object of the first."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request

from api.openai.repeats import GRACE, JoinedRequest, Repeat, TwinWaits
from api.services import ApiServices
from models.queries.openai.requests import RequestDigest, RequestState, note_state

Insert = Callable[[AsyncConnection], Awaitable[UUID]]
"""Inserts an object within a transaction, and returns its id."""


async def make_once(services: ApiServices, repeat: Repeat, at: datetime, insert: Insert) -> tuple[UUID, bool]:
    """Insert an object with the record of its request; return its id, and whether it is new.

    The record says that the client has its answer: there is nothing to wait for.
    """
    async with services.request_locks.hold(repeat.digest):
        try:
            try:
                return await _insert(services, repeat, at, insert, waited=False), True
            except TwinWaits:
                await asyncio.sleep(GRACE)
                return await _insert(services, repeat, at, insert, waited=True), True
        except JoinedRequest as joined:
            return joined.object_id, False


def keyed(request: Request, repeat: Repeat) -> Repeat:
    """Return what recognises a request by its Idempotency-Key, too: any later one with both is the same."""
    key = request.headers.get("idempotency-key")
    if not key:
        return repeat
    digest = sha256(repeat.digest.digest + key.encode("utf-8", "replace")).digest()
    return Repeat(RequestDigest(repeat.digest.caller_id, digest), counted=True)


async def find_made(services: ApiServices, repeat: Repeat, at: datetime) -> UUID | None:
    """Return what an earlier request has made, if this one says that it repeats it."""
    if repeat.counted:
        async with services.database.reading() as connection:
            try:
                await repeat.join(connection, at)
            except JoinedRequest as joined:
                return joined.object_id
    return None


async def _insert(
    services: ApiServices, repeat: Repeat, at: datetime, insert: Insert, *, waited: bool
) -> UUID:
    async with services.database.writing() as connection:
        key = await insert(connection)
        await repeat.record(connection, key, at, waited=waited)
        await note_state(connection, key, RequestState.ANSWERED, at=at)
        return key
