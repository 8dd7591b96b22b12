"""Bulk actions of campaigns: get, list, abort."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from api.access.audit import describe_change
from api.auth import Caller
from api.campaigns.documents import action_document
from api.campaigns.lookup import get_named
from api.jobs.caller_scope import scope_of
from api.services import ApiServices
from api.web.problems import not_found
from models.campaigns.actions import ActionStatus
from models.errors import Conflict
from models.ids import parse_id, public_id
from models.queries.campaigns import actions, campaigns
from models.queries.campaigns.actions import Action
from models.queries.campaigns.campaigns import Campaign
from models.queries.short_ids import whole_id


async def get_action(services: ApiServices, caller: Caller, text: str) -> dict[str, Any]:
    """Return an action as JSON. Raises ``NotFound``, also for one of another caller."""
    async with services.database.reading() as connection:
        return await _document(connection, await _find(connection, caller, text))


async def list_page(
    services: ApiServices,
    caller: Caller,
    *,
    campaign: str | None,
    statuses: Sequence[str] = (),
    kinds: Sequence[str] = (),
    before: UUID | None = None,
    limit: int,
) -> list[dict[str, Any]]:
    """Return a page of actions as JSON, newest first: the caller's, with an admin's key all."""
    async with services.database.reading() as connection:
        campaign_id = (await get_named(connection, caller, campaign)).id if campaign else None
        return await read_page(
            connection,
            caller,
            campaign_id=campaign_id,
            statuses=statuses,
            kinds=kinds,
            before=before,
            limit=limit,
        )


async def read_page(
    connection: AsyncConnection,
    caller: Caller,
    *,
    campaign_id: UUID | None = None,
    statuses: Sequence[str] = (),
    kinds: Sequence[str] = (),
    before: UUID | None,
    limit: int,
) -> list[dict[str, Any]]:
    """Return what ``list_page`` does, in a transaction."""
    found = await actions.list_actions(
        connection,
        await scope_of(connection, caller),
        campaign_id=campaign_id,
        statuses=statuses,
        kinds=kinds,
        before=before,
        limit=limit,
    )
    named = await campaigns.list_by_id(connection, {each.campaign_id for each in found})
    return [_document_of(named.get(each.campaign_id), each) for each in found]


async def abort_action(services: ApiServices, caller: Caller, text: str) -> dict[str, Any]:
    """End a running action: what it did stays, the items that are left get no take."""
    at = services.clock()
    async with services.database.writing() as connection:
        action = await _find(connection, caller, text, lock=True)
        if action.status != ActionStatus.RUNNING:
            raise Conflict(f"The action is {action.status}: there is nothing to abort.")
        changes = {
            "status": ActionStatus.ABORTED.value,
            "finished_at": at,
            "detail": f"aborted by {caller.by}",
        }
        await actions.change_action(connection, action.id, at=at, changes=changes)
        describe_change(
            target=public_id("action", action.id),
            before={"status": action.status},
            after={"status": ActionStatus.ABORTED.value},
        )
        return await _document(connection, await _find(connection, caller, text))


async def _find(connection: AsyncConnection, caller: Caller, text: str, *, lock: bool = False) -> Action:
    whole = await whole_id(connection, "action", text, caller_id=caller.scope, field="action_id")
    found = await actions.find_action(connection, parse_id("action", whole), lock=lock)
    if found is None or not (caller.role.sees_all or found.caller_id == caller.id):
        raise not_found(f"There is no action {text[:64]!r}.")
    return found


async def _document(connection: AsyncConnection, action: Action) -> dict[str, Any]:
    return _document_of(await campaigns.get(connection, action.campaign_id), action)


def _document_of(campaign: Campaign | None, action: Action) -> dict[str, Any]:
    if campaign is None:
        raise not_found("Its campaign was deleted.")
    return action_document(campaign, action)
