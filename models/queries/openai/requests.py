"""Requests of the OpenAI API that made something, for minutes: so that the same request again is joined."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from models.tables import openai_requests as requests

_LOCK = text("SELECT pg_advisory_xact_lock(:key)")


class RequestState(StrEnum):
    """Whether the client of a request has its answer."""

    WAITING = "waiting"  #: its connection is open
    ABANDONED = "abandoned"  #: the connection ended without an answer
    ANSWERED = "answered"


@dataclass(frozen=True, slots=True)
class RequestDigest:
    """What recognises the same request of one caller again."""

    caller_id: UUID
    digest: bytes  #: SHA-256 of method, path and content


async def lock_digest(connection: AsyncConnection, digest: RequestDigest) -> None:
    """Wait for other transactions that record the same request. On SQLite writers take turns anyway."""
    if connection.dialect.name == "postgresql":
        key = int.from_bytes(digest.digest[:8], "big", signed=True)
        await connection.execute(_LOCK, {"key": key})


async def find_requests(
    connection: AsyncConnection, digest: RequestDigest, *, since: datetime
) -> Sequence[Row[Any]]:
    """Return what the same requests have made whose clients were seen since then, the newest first."""
    query = select(requests).where(
        requests.c.caller_id == digest.caller_id,
        requests.c.digest == digest.digest,
        requests.c.seen_at >= since,
    )
    return (await connection.execute(query.order_by(requests.c.created_at.desc()))).all()


async def record_request(
    connection: AsyncConnection, digest: RequestDigest, object_id: UUID, *, counted: bool, at: datetime
) -> None:
    """Record what a request makes, in the transaction that makes it; its client waits.

    ``counted``: the request says that it is a repetition.
    """
    await connection.execute(
        insert(requests).values(
            object_id=object_id,
            caller_id=digest.caller_id,
            digest=digest.digest,
            state=RequestState.WAITING.value,
            counted=counted,
            seen_at=at,
            created_at=at,
        )
    )


async def note_state(
    connection: AsyncConnection, object_id: UUID, state: RequestState, *, at: datetime
) -> None:
    """Note whether the client of a request has its answer."""
    known = update(requests).where(requests.c.object_id == object_id)
    await connection.execute(known.values(state=state.value, seen_at=at))


async def forget_request(connection: AsyncConnection, object_id: UUID) -> None:
    """Delete the record of the request that made an object which was deleted."""
    await connection.execute(delete(requests).where(requests.c.object_id == object_id))


async def forget_requests(connection: AsyncConnection, *, before: datetime) -> int:
    """Delete the records of requests whose clients were seen last before a time. Return how many."""
    old = delete(requests).where(requests.c.created_at < before, requests.c.seen_at < before)  # by its index
    return (await connection.execute(old)).rowcount
