"""Objects other than jobs that a request makes once: the same request again gets the object of the first.

With an Idempotency-Key any later request with the same key and content is the same, and one with other
content is an error, as for jobs; the key stands for ``idempotency_ttl`` seconds.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from api.jobs.idempotency import IdempotencyKey, key_reused
from api.openai.context import RequestContext
from api.openai.repeats import GRACE, JoinedRequest, TwinWaits
from models.queries.idempotency_keys import claim_key, find_key, forget_key
from models.queries.openai.requests import RequestState, note_state

Insert = Callable[[AsyncConnection], Awaitable[UUID]]
"""Inserts an object within a transaction, and returns its id."""


async def make_once(context: RequestContext, insert: Insert) -> tuple[UUID, bool]:
    """Insert an object with the record of its request; return its id, and whether it is new.

    The record says that the client has its answer: there is nothing to wait for. Raises the 422 problem if
    the Idempotency-Key was used for another request.
    """
    async with context.services.request_locks.hold(context.repeat.digest):
        try:
            try:
                return await _insert(context, insert, waited=False), True
            except TwinWaits:
                await asyncio.sleep(GRACE)
                return await _insert(context, insert, waited=True), True
        except JoinedRequest as joined:
            return joined.object_id, False


async def find_made(context: RequestContext) -> UUID | None:
    """Return what an earlier request has made, if this one repeats it. Raises as ``make_once`` does."""
    key, repeat = context.idempotency_key, context.repeat
    if key is None and not repeat.counted:
        return None
    async with context.services.database.reading() as connection:
        try:
            if key is not None:
                await _join_by_key(connection, context, key)
            else:
                await repeat.join(connection, context.at)
        except JoinedRequest as joined:
            return joined.object_id
    return None


async def _insert(context: RequestContext, insert: Insert, *, waited: bool) -> UUID:
    """Insert an object. Raises ``JoinedRequest``, ``TwinWaits`` and ``Problem``, each of which rolls back."""
    repeat, key, at = context.repeat, context.idempotency_key, context.at
    async with context.services.database.writing() as connection:
        made = await insert(connection)
        if key is not None:
            await _claim(connection, context, key, made)
            return made
        await repeat.record(connection, made, at, waited=waited)
        await note_state(connection, made, RequestState.ANSWERED, at=at)
        return made


async def _claim(
    connection: AsyncConnection, context: RequestContext, key: IdempotencyKey, made: UUID
) -> None:
    """Claim a key for an object. Raises ``JoinedRequest`` and the 422 problem if another request has it."""
    caller, at = context.caller.id, context.at
    await forget_key(connection, caller, key.key, before=_oldest(context))
    ids = [made.hex]
    claimed = await claim_key(
        connection, caller, key.key, body_hash=key.body_hash, job_ids=ids, rejected=[], at=at
    )
    if not claimed:
        await _join_by_key(connection, context, key)


async def _join_by_key(connection: AsyncConnection, context: RequestContext, key: IdempotencyKey) -> None:
    row = await find_key(connection, context.caller.id, key.key)
    if row is None or row.created_at < _oldest(context):
        return
    if bytes(row.body_hash) != key.body_hash:
        raise key_reused()
    raise JoinedRequest(UUID(hex=row.job_ids[0]))


def _oldest(context: RequestContext) -> datetime:
    return context.at - timedelta(seconds=context.services.settings.idempotency_ttl)
