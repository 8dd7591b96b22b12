"""The same request again: the official SDK repeats what was not answered, without an Idempotency-Key.

A request is joined to an earlier one of the same caller, path and content whose client was connected within
``WINDOW``

* if it says that it is a repetition (``x-stainless-retry-count`` of 1 or more), and no limit has refused its
  original (``api.ceilings``), or
* if the client of the earlier one has no answer and is not connected any more: programs with a retry of
  their own send no such header; or
* if the earlier one says that it is a repetition, and waits: this is its original, which came later.

Otherwise it is meant: whoever asks for the same picture twice, at once or one after the other, gets two. An
earlier one that was abandoned is joined once, so that two of them that are repeated get the pictures of both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request

from api.auth import Caller
from models.queries.openai.requests import (
    RequestDigest,
    RequestState,
    find_requests,
    lock_digest,
    record_request,
)

WINDOW = timedelta(minutes=10)
"""After the client of a request was connected last: its job may take any time."""

_COUNT = "x-stainless-retry-count"
GRACE = 0.5
"""Seconds in which an API process has noted that a client has gone."""

_LOST = timedelta(seconds=90)  # without a sign of the client: its API process was killed


class JoinedRequest(Exception):
    """The same request has made ``object_id`` already: nothing is made again."""

    def __init__(self, object_id: UUID) -> None:
        super().__init__(object_id)
        self.object_id = object_id


class TwinWaits(Exception):
    """The client of the same request is connected, as far as is known: after ``GRACE`` it is."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """What recognises a request again, and whether it says itself that it is a repetition."""

    digest: RequestDigest
    counted: bool

    async def join(self, connection: AsyncConnection, at: datetime, *, waited: bool = True) -> None:
        """Raise ``JoinedRequest`` if this request is to be joined to an earlier one.

        Raises ``TwinWaits`` if the client of the same request is connected; not if ``GRACE`` was ``waited``.
        """
        known = await find_requests(connection, self.digest, since=at - WINDOW)
        found = joinable(known, counted=self.counted, at=at)
        if found is not None:
            raise JoinedRequest(found)
        if not waited and any(row.state == RequestState.WAITING for row in known):
            raise TwinWaits

    async def record(
        self, connection: AsyncConnection, object_id: UUID, at: datetime, *, waited: bool = True
    ) -> None:
        """Record what the request makes, in that transaction; raises as ``join`` does, to roll it back."""
        await lock_digest(connection, self.digest)
        await self.join(connection, at, waited=waited)
        await record_request(connection, self.digest, object_id, counted=self.counted, at=at)


def repeat_of(request: Request, caller: Caller, content: bytes) -> Repeat:
    """Return what recognises a request; ``content`` is its body, or a digest of a form's parts."""
    count = request.headers.get(_COUNT, "")
    target = f"{request.method} {request.url.path}?{request.url.query}\n".encode()
    digest = RequestDigest(caller.id, sha256(target + content).digest())
    return Repeat(digest, counted=count.isdecimal() and int(count) > 0)


def joinable(known: Sequence[Any], *, counted: bool, at: datetime) -> UUID | None:
    """Return what an earlier request made, if one is to be joined; ``known`` are those, the newest first.

    Of several equal ones a repetition belongs most likely to one whose client has gone.
    """
    gone = [row for row in known if _is_gone(row, at)]
    others = [row for row in known if not _is_gone(row, at)]
    waiting = [row for row in others if row.state == RequestState.WAITING and (counted or row.counted)]
    for row in (*gone, *reversed(waiting), *(others if counted else ())):
        found: UUID = row.object_id
        return found
    return None


def _is_gone(row: Any, at: datetime) -> bool:
    lost = row.state == RequestState.WAITING and at - row.seen_at > _LOST
    return bool(row.state == RequestState.ABANDONED or lost)
