"""Repair of a campaign: a retry or a re-roll of many items, tried first, then an action of the workers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from api.access.audit import describe_change
from api.auth import Caller
from api.campaigns.control import spec_of, variants_of
from api.campaigns.costs import estimate_cost
from api.campaigns.documents import action_document
from api.campaigns.lookup import get_named
from api.campaigns.selection import GivenItems, Preview, check_expected, choose, filter_json, preview
from api.jobs.served_models import require_served
from api.services import ApiServices
from models.campaigns.actions import ActionStatus
from models.campaigns.item_request import RenderedItem
from models.campaigns.repair import Repair, Reroll, Retry, TakeRequest
from models.campaigns.status import CampaignStatus
from models.campaigns.template import TemplateError
from models.campaigns.variants import Variants
from models.errors import Conflict, InvalidRequest
from models.ids import new_id, public_id
from models.queries.campaigns import actions, campaigns
from models.queries.campaigns.campaigns import Campaign
from models.queries.campaigns.item_facts import count_paid, sample_takes
from models.queries.campaigns.rows import count_unstarted, rows_of_keys
from models.queries.selection.skipped import SAMPLES
from worker.campaigns.next_takes import request_of, variables_of_item

S = CampaignStatus
_BEFORE_ITEMS = frozenset({S.DRAFT, S.CHECKING})


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairRequest:
    """A retry or a re-roll, and of which items. A real one needs the count that a dry run gave."""

    repair: Repair
    given: GivenItems
    dry_run: bool
    expected_count: int | None


async def repair_items(
    services: ApiServices, caller: Caller, name: str, request: RepairRequest
) -> dict[str, Any]:
    """Return the action as JSON: what it would do, or, with ``expected_count``, the one that was begun.

    Raises ``Conflict`` where the campaign has no items or is cancelled, the 409 problem with both numbers,
    the 404 problem of items of other campaigns, and the 422 problem of a model that no channel serves.
    """
    if not request.dry_run and request.expected_count is None:
        raise InvalidRequest("expected_count", "is needed: `eligible` of a request with dry_run")
    if isinstance(request.repair, Reroll) and request.repair.model is not None:
        await require_served(services, request.repair.model, "model")
    at, opened = services.clock(), services.database
    async with opened.reading() if request.dry_run else opened.writing() as connection:
        campaign = await get_named(connection, caller, name, lock=not request.dry_run)
        variants = variants_of(services, spec_of(campaign))
        _check_status(campaign, at)
        choice = await choose(connection, campaign, request.given)
        most_takes = services.settings.campaign_takes
        found = await preview(connection, choice, request.repair.refusal, most_takes=most_takes)
        new_items = await _count_new(connection, campaign, variants, request)
        eligible = found.eligible + new_items
        check_expected(request.expected_count, eligible)
        shown = await sample_takes(connection, found.conditions, limit=SAMPLES)
        samples = await _render(connection, campaign, variants, request.repair, shown)
        cost = await estimate_cost(services, [_rendered(each) for each in samples], items=eligible)
        values = {
            "caller_id": campaign.caller_id,
            "campaign_id": campaign.id,
            "kind": request.repair.kind.value,
            "status": ActionStatus.RUNNING.value,
            "parameters": request.repair.to_json(),
            "filter": filter_json(choice),
            "key_id": caller.key_id,
            "by": caller.by,
            "eligible": eligible,
            "frozen": found.eligible,
            "done": new_items,
            "skipped": found.skipped.to_json(),
            "samples": [
                {
                    "item": public_id("item", row.id),
                    "key": row.key,
                    "variant": row.variant,
                    "model": sample.model,
                    "prompt": sample.prompt,
                }
                for row, sample in zip(shown, samples, strict=True)
            ],
            "may_pay_twice": await count_paid(connection, found.conditions),
            "cost": cost.to_json(),
        }
        if request.dry_run:
            return action_document(campaign, {**values, "id": None, "status": "dry_run"})
        begun = await _begin(connection, campaign, found, values, at)
    services.notifier.notify()
    return begun


def _check_status(campaign: Campaign, at: datetime) -> None:
    if campaign.status in _BEFORE_ITEMS:
        raise Conflict(f"The campaign is {campaign.status}: it has no items yet; start it first.")
    if campaign.status == S.CANCELLED:
        raise Conflict("The campaign is cancelled: no further call is made for it.")
    if campaign.deadline is not None and campaign.deadline <= at:
        raise Conflict("The deadline of the campaign has passed: further takes would expire at once.")


async def _count_new(
    connection: AsyncConnection, campaign: Campaign, variants: Variants, request: RepairRequest
) -> int:
    """Count the items of new and changed rows of a finished campaign: a retry of all missing starts them."""
    everything = request.given.filter is not None and request.given.filter.is_empty
    if campaign.status != S.FINISHED or not isinstance(request.repair, Retry) or not everything:
        return 0
    return await count_unstarted(connection, campaign.id) * len(variants)


async def _render(
    connection: AsyncConnection,
    campaign: Campaign,
    variants: Variants,
    repair: Repair,
    shown: Sequence[Row[Any]],
) -> list[TakeRequest]:
    """Return what the next takes of sampled items ask for. Raises ``InvalidRequest`` for a wrong prompt."""
    rows, found = await rows_of_keys(connection, campaign.id, sorted({row.key for row in shown})), []
    for row in shown:
        variables = variables_of_item(row, rows[row.key], variants) if row.key in rows else {}
        try:
            found.append(repair.next_take(request_of(row), variables, lambda: 0))
        except TemplateError as error:
            raise InvalidRequest("prompt", f"for the row {row.key[:100]!r}: {error}") from error
    return found


def _rendered(take: TakeRequest) -> RenderedItem:
    request = take.request
    return RenderedItem(
        model=take.model,
        prompt=take.prompt,
        images=request.get("images") or (),
        size=request.get("size"),
        n=request.get("n"),
        params=request.get("params") or {},
        metadata={},
    )


async def _begin(
    connection: AsyncConnection, campaign: Campaign, found: Preview, values: dict[str, Any], at: datetime
) -> dict[str, Any]:
    """Insert the action with its frozen items, and reopen a finished campaign."""
    if found.eligible == 0:
        values = {**values, "status": ActionStatus.FINISHED.value, "finished_at": at}
    action = await actions.insert_action(connection, new_id(), at=at, values=values)
    frozen = await actions.freeze_items(connection, action.id, found.conditions)
    check_expected(found.eligible, frozen)  # items may have changed since they were counted
    if campaign.status == S.FINISHED and action.eligible:
        changes = {"finished_at": None, "failing_since": at}
        await campaigns.change_status(connection, campaign, S.RUNNING, at=at, changes=changes)
    describe_change(
        target=public_id("camp", campaign.id),
        filter=action.filter,
        count=action.eligible,
        after={"action": public_id("action", action.id), "kind": action.kind, **action.parameters},
    )
    return action_document(campaign, action)
