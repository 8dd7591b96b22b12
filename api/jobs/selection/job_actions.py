"""Bulk actions on jobs: what one would do, begin it, get, list, abort.

An action has the jobs that it was begun for: those that match later are not part of it. Workers go through
them (``worker.bulk.job_action_runner``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from api.access.audit import describe_change
from api.access.roles import forbidden, may_change
from api.auth import Caller
from api.campaigns.costs import estimate_cost
from api.jobs.caller_scope import callers_in_scope, scope_of
from api.jobs.selection.bulk_actions import BulkRequest, BulkResult, preview_bulk
from api.services import ApiServices
from api.web.problems import Problem, invalid_field, not_found
from models.api_keys import Role
from models.campaigns.actions import ActionStatus
from models.campaigns.item_request import RenderedItem
from models.errors import Conflict
from models.ids import new_id, parse_id, public_id
from models.queries.selection import job_actions
from models.queries.selection.job_actions import JobAction
from models.queries.short_ids import whole_id
from models.serializers import moment
from models.states import JobStatus
from worker.bulk.job_changes import RETRY, JobChange

JOBS_PER_ACTION = 200_000  #: jobs that one action is for
TOLERANCE = 0.05  #: by which the number of jobs may differ from the expected one
_CHARGED = frozenset({JobStatus.SUCCEEDED.value, JobStatus.HELD.value})


@dataclass(frozen=True, slots=True)
class _Preview:
    """What an action is for, and what it may cost."""

    result: BulkResult
    samples: Sequence[Mapping[str, Any]]
    cost: Mapping[str, Any]  #: empty: it makes no call


async def run_action(
    services: ApiServices, caller: Caller, change: JobChange, request: BulkRequest
) -> dict[str, Any]:
    """Return the action as JSON: what it would do, or, without ``dry_run``, the one that was begun.

    Raises the 409 problem with both numbers if the expected count differs by more than ``TOLERANCE``, and the
    422 problem of a missing one, of a wrong ``caller``, and of more than ``JOBS_PER_ACTION`` jobs.
    """
    if not request.dry_run and request.expected_count is None:
        raise invalid_field("expected_count", "is needed: `eligible` of the same request with dry_run")
    async with services.database.reading() as connection:
        caller_ids = await callers_in_scope(connection, caller, request.caller)
        result = await preview_bulk(connection, caller_ids, change, request)
        ids = [parse_id("job", each) for each in result.samples]
        rows = await job_actions.list_samples(connection, ids) if ids else ()
    cost: Mapping[str, Any] = {}
    if change is RETRY:
        cost = (
            await estimate_cost(services, [_rendered(row) for row in rows], items=result.eligible)
        ).to_json()
    found = _Preview(result, [_sample(row) for row in rows], cost)
    if result.eligible > JOBS_PER_ACTION:
        detail = f"matches {result.eligible:,} jobs; an action is for up to {JOBS_PER_ACTION:,}: narrow it"
        raise invalid_field("filter", detail)
    if request.dry_run:
        return _document({**_values(caller, change, request, found), "id": None, "status": "dry_run"})
    return await _begin(services, caller, caller_ids, change, request, found)


async def _begin(
    services: ApiServices,
    caller: Caller,
    caller_ids: Sequence[UUID],
    change: JobChange,
    request: BulkRequest,
    found: _Preview,
) -> dict[str, Any]:
    at, key = services.clock(), new_id()
    async with services.database.writing() as connection:
        values = _values(caller, change, request, found)
        await job_actions.insert_action(connection, key, at=at, values=values)
        frozen = await job_actions.freeze_jobs(
            connection, key, caller_ids, request.wanted, change.allowed(request.may_pay_twice)
        )
        _check_expected(request.expected_count or 0, frozen)
        changes: dict[str, Any] = {"eligible": frozen}
        if not frozen:
            changes |= {"status": ActionStatus.FINISHED.value, "finished_at": at}
        await job_actions.change_action(connection, key, at=at, changes=changes)
        action = await job_actions.find_action(connection, key)
        assert action is not None
        describe_change(
            target=public_id("action", key),
            filter=request.wanted.described(),
            count=frozen,
            after={"action": change.name, "may_pay_twice": request.may_pay_twice},
        )
    services.notifier.notify()
    return _document(asdict(action))


def _check_expected(expected: int, eligible: int) -> None:
    """Raise the 409 problem with both numbers if they differ too much."""
    if abs(expected - eligible) > TOLERANCE * expected:
        detail = f"expected_count is {expected:,}, but {eligible:,} jobs would change; nothing was changed."
        raise Problem(409, "count_differs", detail, more={"expected_count": expected, "eligible": eligible})


def _values(caller: Caller, change: JobChange, request: BulkRequest, found: _Preview) -> dict[str, Any]:
    result = found.result
    return {
        "caller_id": caller.id,
        "kind": change.name,
        "status": ActionStatus.RUNNING.value,
        "may_pay_twice": request.may_pay_twice,
        "filter": None if request.wanted.ids is not None else request.wanted.described(),
        "key_id": caller.key_id,
        "by": caller.by,
        "eligible": result.eligible,
        "skipped": result.skipped.to_json(),
        "samples": found.samples,
        "charged": sum(result.changeable[status] for status in _CHARGED) if request.may_pay_twice else 0,
        "cost": found.cost,
    }


def _sample(row: Row[Any]) -> dict[str, Any]:
    return {
        "job": public_id("job", row.id),
        "status": row.status,
        "model": row.model,
        "prompt": (row.prompt or "")[:200],
    }


def _rendered(row: Row[Any]) -> RenderedItem:
    request: Mapping[str, Any] = row.request if isinstance(row.request, dict) else {}
    return RenderedItem(
        model=row.model,
        prompt=row.prompt or "",
        images=request.get("images") or (),
        size=request.get("size"),
        n=request.get("n"),
        params=request.get("params") or {},
        metadata={},
    )


async def get_action(services: ApiServices, caller: Caller, text: str) -> dict[str, Any] | None:
    """Return an action as JSON, or ``None`` if there is none that the caller may see."""
    async with services.database.reading() as connection:
        found = await _find(connection, caller, text)
    return _document(asdict(found)) if found else None


async def list_page(
    services: ApiServices,
    caller: Caller,
    *,
    statuses: Sequence[str],
    kinds: Sequence[str] = (),
    before: UUID | None,
    limit: int,
) -> list[dict[str, Any]]:
    """Return a page of actions as JSON, newest first: the caller's, with a key that sees all of everybody."""
    async with services.database.reading() as connection:
        return await read_page(connection, caller, statuses=statuses, kinds=kinds, before=before, limit=limit)


async def read_page(
    connection: AsyncConnection,
    caller: Caller,
    *,
    statuses: Sequence[str] = (),
    kinds: Sequence[str] = (),
    before: UUID | None,
    limit: int,
) -> list[dict[str, Any]]:
    """Return what ``list_page`` does, in a transaction."""
    scope = await scope_of(connection, caller)
    found = await job_actions.list_actions(
        connection, scope, statuses=statuses, kinds=kinds, before=before, limit=limit
    )
    return [_document(asdict(each)) for each in found]


async def abort_action(services: ApiServices, caller: Caller, text: str) -> dict[str, Any]:
    """End a running action: what it did stays, the jobs that are left are not changed.

    Raises ``NotFound``, the 403 problem of a role that decides about no jobs, and ``Conflict``.
    """
    at = services.clock()
    async with services.database.writing() as connection:
        action = await _find(connection, caller, text, lock=True)
        if action is None:
            raise not_found(f"There is no action {text[:64]!r}.")
        if not may_change(caller.role):
            raise forbidden(caller.role, Role.OPERATOR)
        if action.status != ActionStatus.RUNNING:
            raise Conflict(f"The action is {action.status}: there is nothing to abort.")
        changes = {
            "status": ActionStatus.ABORTED.value,
            "finished_at": at,
            "detail": f"aborted by {caller.by}",
        }
        await job_actions.change_action(connection, action.id, at=at, changes=changes)
        describe_change(before={"status": action.status}, after={"status": ActionStatus.ABORTED.value})
        ended = await job_actions.find_action(connection, action.id)
        assert ended is not None
        return _document(asdict(ended))


async def _find(
    connection: AsyncConnection, caller: Caller, text: str, *, lock: bool = False
) -> JobAction | None:
    whole = await whole_id(connection, "action", text, caller_id=caller.scope, field="action_id")
    found = await job_actions.find_action(connection, parse_id("action", whole), lock=lock)
    return found if found and (caller.role.sees_all or found.caller_id == caller.id) else None


def _document(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return an action as JSON: a stored one, or the columns of one that is only tried."""
    return {
        "id": public_id("action", given["id"]) if given["id"] else None,
        "object": "action",
        "of": "jobs",
        "kind": given["kind"],
        "campaign": None,
        "campaign_id": None,
        "status": given["status"],
        "dry_run": given["id"] is None,
        "parameters": {"may_pay_twice": given["may_pay_twice"]},
        "filter": given["filter"],
        "by": given["by"],
        "eligible": given["eligible"],
        "done": given.get("done", 0),
        "failed": given.get("failed", 0),
        "pending": given["eligible"] - given.get("cursor", 0),
        "skipped": given["skipped"],
        "samples": given["samples"],
        "may_pay_twice": given["charged"],
        "cost": given["cost"] or None,
        "detail": given.get("detail"),
        "created_at": moment(given.get("created_at")),
        "updated_at": moment(given.get("updated_at")),
        "finished_at": moment(given.get("finished_at")),
        "undone_at": None,
    }
