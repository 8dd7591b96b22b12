"""The audit log as it is read: pages of entries, newest first, of one author or target."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from models.api_keys import Role
from models.clock import rfc3339
from models.queries.dashboard.audit import list_entries

READERS = Role.OPERATOR  #: the least role that may read it
LONGEST_FILTER = 200  #: characters


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Entries, and the id before which the next page begins; ``None``: there is none."""

    entries: Sequence[Row[Any]]
    following: int | None


async def read_audit(
    connection: AsyncConnection,
    *,
    limit: int,
    before: int | None = None,
    by: str | None = None,
    target: str | None = None,
) -> AuditPage:
    """Return the entries older than the one with the id ``before``, by one author, about one target."""
    if any("\0" in text for text in (by, target) if text):
        return AuditPage((), None)  # no stored text has it, and PostgreSQL does not take it
    found = await list_entries(connection, limit=limit + 1, before=before, by=by, target=target)
    shown = found[:limit]
    return AuditPage(shown, shown[-1].id if len(found) > limit else None)


def entry_view(entry: Row[Any]) -> dict[str, Any]:
    """Return an entry as JSON."""
    return {
        "id": str(entry.id),
        "object": "audit_entry",
        "at": rfc3339(entry.at),
        "by": entry.by,
        "role": entry.role,
        "through": entry.through,
        "action": entry.action,
        "target": entry.target,
        "filter": entry.filter,
        "count": entry.count,
        "before": entry.before,
        "after": entry.after,
        "request_id": entry.request_id,
    }
