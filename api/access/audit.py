"""Audit: who makes the change of a request; its entries are written in the transaction of the change.

``start_audit`` notes the author once a request is authenticated. A handler describes its change with
``describe_change``; the database writes that as an entry at the end of the same transaction. A change that no
handler describes gets an entry with its route and target, in the first transaction that writes.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from prometheus_client import Counter
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request

from models.api_keys import Role
from models.clock import now
from models.database import after_commit
from models.queries.dashboard.audit import AuditEntry, insert_entry

THROUGH = "darkroom.through"  #: of an ASGI scope: the surface that a request came through, if not the API
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_CREATES_JOBS = ("/v1/jobs", "/v1/uploads", "/v1/images/")  # what they insert names its caller itself
_CHANGES_NOTHING = frozenset({"/v1/tokens", "/v1/explain", "/v1/assets/zip"})


@dataclass(slots=True)
class _Change:
    """The change of one request, as far as it is known."""

    author: AuditEntry
    pending: list[AuditEntry] = field(default_factory=list)
    written: bool = False


_actions = Counter("darkroom_admin_actions", "Changes in the audit log", ["action", "role"])
_present: ContextVar[_Change | None] = ContextVar("present_change", default=None)


def start_audit(
    request: Request, *, caller_id: UUID | None, key_id: UUID | None, by: str, role: Role
) -> None:
    """Note the author of a request that may change something."""
    route = str(getattr(request.scope.get("route"), "path", request.url.path))
    creates = route in _CREATES_JOBS or route.startswith(_CREATES_JOBS[-1])
    if request.method in _SAFE or creates or route in _CHANGES_NOTHING:
        return
    change = _present.get()
    if change is not None and change.author.action == f"{request.method} {route}":
        return  # it is authenticated twice
    author = AuditEntry(
        at=now(),
        caller_id=caller_id,
        key_id=key_id,
        by=by,
        role=role.value,
        through=request.scope.get(THROUGH) or ("dashboard" if route.startswith("/dashboard") else "api"),
        action=f"{request.method} {route}",
        target=next((str(value) for value in request.path_params.values()), ""),
        request_id=str(request.scope.get("darkroom.request_id", "")),
    )
    _present.set(_Change(author))


def start_command(command: str, by: str, target: str = "") -> None:
    """Note the author of a command that changes the database."""
    author = AuditEntry(
        at=now(), by=by, role=Role.ADMIN.value, through="command line", action=command, target=target
    )
    _present.set(_Change(author))


def end_audit() -> None:
    """Forget the author: the request has ended."""
    _present.set(None)


def describe_change(
    *,
    target: str | None = None,
    filter: Mapping[str, Any] | None = None,  # noqa: A002 - the column's name
    count: int | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Describe what the present transaction changes; without an author, nothing happens."""
    change = _present.get()
    if change is not None:
        about = change.author.target if target is None else target
        entry = replace(change.author, target=about, filter=filter, count=count, before=before, after=after)
        change.pending.append(entry)


async def write_audit(connection: AsyncConnection) -> None:
    """Insert the entries of the present change; called at the end of each transaction that writes."""
    change = _present.get()
    if change is None:
        return
    entries = change.pending if change.pending or change.written else [change.author]
    change.pending = []
    for entry in entries:
        await insert_entry(connection, entry)
        after_commit(connection, _actions.labels(entry.action, entry.role).inc)
        change.written = True
