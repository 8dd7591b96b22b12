"""The 410 problem of jobs and images that were deleted."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from api.auth import Caller
from api.web.problems import Problem
from models.clock import rfc3339
from models.queries.operations.tombstones import Tombstone, find_tombstone, find_tombstone_by_token

_WHY = {
    "request": "at the request of its owner or an administrator",
    "retention": "when its time was over",
    "purge": "by an operator",
}


async def raise_if_deleted(connection: AsyncConnection, kind: str, object_id: UUID, caller: Caller) -> None:
    """Raise the 410 problem if a job or image that the caller could see was deleted."""
    found = await find_tombstone(connection, object_id, kind=kind, caller_id=caller.scope)
    if found is not None:
        raise _gone(found)


async def raise_if_image_deleted(connection: AsyncConnection, token: str) -> None:
    """Raise the 410 problem if the image of a public URL was deleted."""
    found = await find_tombstone_by_token(connection, token)
    if found is not None:
        raise _gone(found)


def _gone(tombstone: Tombstone) -> Problem:
    what = "job" if tombstone.kind == "job" else "image"
    why = _WHY.get(tombstone.reason, "")
    at = rfc3339(tombstone.deleted_at)
    detail = f"This {what} was deleted on {at} {why}.".replace("  ", " ")
    return Problem(410, "gone", detail, more={"deleted_at": at, "sha256": tombstone.sha256})
