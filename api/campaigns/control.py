"""Control of campaigns: create, change, delete, start, pause, resume, cancel, approve."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection

from api.access.audit import describe_change
from api.auth import Caller
from api.campaigns.costs import has_room
from api.campaigns.lookup import get_named
from api.ceilings import limit_reached
from api.jobs.served_models import require_served
from api.jobs.validation import rejection_of
from api.services import ApiServices
from api.web.problems import Problem
from models.campaigns.spec import CampaignSpec, read_spec
from models.campaigns.status import CANCELLABLE, PAUSABLE, CampaignStatus, PauseReason
from models.campaigns.variants import TooManyCombinations, Variants
from models.errors import Conflict, InvalidRequest
from models.ids import public_id
from models.queries.callers import lock_submits
from models.queries.campaigns import campaigns, rows
from models.queries.campaigns.campaigns import Campaign
from models.queries.campaigns.settings import any_job_of, count_campaigns, find_campaign
from models.queue_status import WaitReason
from models.serializers import moment
from worker.campaigns.pauses import pause_changes, resumed_status
from worker.metrics.campaign_metrics import campaign_ended

S = CampaignStatus
_WHILE_STARTED = frozenset({"limits", "budget", "windows", "failing", "defaults", "review", "checks", "gate"})
"""Members that may be changed once a campaign was started; of ``defaults`` the retry rules."""


def read_definition(value: Any) -> CampaignSpec:
    """Return the definition in a body. Raises the 422 problem."""
    try:
        return CampaignSpec.model_validate(value)
    except ValidationError as error:
        rejection = rejection_of(error)
        raise Problem(422, rejection.code, rejection.message, errors=rejection.errors) from error


def spec_of(campaign: Campaign) -> CampaignSpec:
    """Return the definition of a planned campaign. Raises ``Conflict`` for a plain one."""
    if not campaign.is_planned:
        raise Conflict(f"{campaign.name!r} only groups jobs: it has no rows and no plan.")
    return read_spec(campaign.spec or {})


def variants_of(services: ApiServices, spec: CampaignSpec) -> Variants:
    """Return the variants of each row. Raises ``InvalidRequest`` beyond the ceiling."""
    try:
        return spec.variants(services.settings.campaign_combinations)
    except TooManyCombinations as error:
        raise InvalidRequest("axes", str(error), code="too_many_combinations") from error


def item_count(campaign: Campaign, spec: CampaignSpec, variants: Variants) -> int:
    """Return how many items a campaign has; axes without a sheet count as one row."""
    return max(campaign.row_count, 1 if spec.axes else 0) * len(variants)


def _columns(services: ApiServices, spec: CampaignSpec, at: datetime) -> dict[str, Any]:
    """Return the columns that hold parts of a definition. Raises ``InvalidRequest``."""
    variants_of(services, spec)
    if spec.deadline is not None and spec.deadline <= at:
        raise InvalidRequest("deadline", "must be in the future")
    if spec.deadline is not None and spec.start_at is not None and spec.deadline <= spec.start_at:
        raise InvalidRequest("deadline", "must be later than start_at: no call could ever be made")
    opening = spec.opening(at)
    if opening is None or (spec.deadline and opening.opens_at and opening.opens_at >= spec.deadline):
        raise InvalidRequest("windows", "none opens before the deadline: no call could ever be made")
    return {
        "spec": spec.to_json(),
        "retry": spec.defaults.retry.to_json() if spec.defaults.retry else {},
        "weight": spec.limits.weight,
        "rpm": spec.limits.rpm,
        "concurrency": spec.limits.concurrency,
        "start_at": spec.start_at,
        "deadline": spec.deadline,
        "budget_micro": spec.budget.micro if spec.budget else None,
        "currency": spec.budget.currency if spec.budget else None,
    }


async def check_room(connection: AsyncConnection, services: ApiServices, caller: Caller, name: str) -> None:
    """Raise the 429 problem if a campaign of this name would be one too many."""
    most = services.settings.campaigns
    await lock_submits(connection, caller.id)
    known = await find_campaign(connection, caller.id, name) is not None
    if not known and await count_campaigns(connection, caller.id) >= most:
        raise limit_reached("campaigns", most, "campaigns")


async def create_campaign(services: ApiServices, caller: Caller, value: Any) -> Campaign:
    """Insert a draft. Raises ``Conflict`` if the caller has a campaign or jobs of its name."""
    spec, at = read_definition(value), services.clock()
    if spec.vision is not None:
        await require_served(services, spec.vision.model, "gate.model")
    async with services.database.writing() as connection:
        await check_room(connection, services, caller, spec.name)
        await insert_draft(connection, services, caller, spec, at)
        made = await _read(connection, caller, spec.name)
        _describe(made, before={}, after={"name": spec.name})
    return made


async def insert_draft(
    connection: AsyncConnection,
    services: ApiServices,
    caller: Caller,
    spec: CampaignSpec,
    at: datetime,
    *,
    surface: str = "rest",
) -> UUID:
    """Insert a draft, and return its id; its jobs will be of this surface.

    Raises ``Conflict`` if the caller has a campaign or jobs of its name, and ``InvalidRequest``.
    """
    columns = {**_columns(services, spec, at), "surface": surface}
    key = None
    if not await any_job_of(connection, caller.id, spec.name):
        key = await campaigns.insert_planned(connection, caller.id, spec.name, at=at, values=columns)
    if key is None:
        raise Conflict(f"You have a campaign {spec.name!r}; choose another name, or go on with that one.")
    return key


async def change_campaign(
    services: ApiServices, caller: Caller, name: str, change: Mapping[str, Any]
) -> Campaign:
    """Change members of a definition; null takes one back to its default.

    A campaign whose budget was used up goes on once there is room again. Once it was started only limits,
    budget, windows, the failing rule, checks and retry rules may change, and of its canary, until that has
    ended, what follows it.
    """
    at = services.clock()
    if isinstance(rules := change.get("gate"), dict) and isinstance(model := rules.get("model"), str):
        async with services.database.reading() as connection:
            present = (await get_named(connection, caller, name)).spec or {}
        if model != (present.get("gate") or {}).get("model"):
            await require_served(services, model, "gate.model")
    async with services.database.writing() as connection:
        campaign = await get_named(connection, caller, name, lock=True)
        stored = spec_of(campaign).to_json()
        if "name" in change and change["name"] != campaign.name:
            raise InvalidRequest("name", "can't be changed: the jobs of a campaign have it")
        merged = {**stored, **change}
        spec = read_definition({member: value for member, value in merged.items() if value is not None})
        if campaign.status != S.DRAFT:
            _check_started(campaign, spec, stored, change)
        columns = _columns(services, spec, at)
        if campaign.status != S.DRAFT and (opening := spec.opening(at)):
            columns |= {"opens_at": opening.opens_at, "closes_at": opening.closes_at}
        await campaigns.change(connection, campaign.id, at=at, changes=columns)
        _describe(
            campaign,
            before={member: stored.get(member) for member in change},
            after={member: columns["spec"].get(member) for member in change},
        )
        if campaign.paused_reason == PauseReason.BUDGET and await has_room(connection, campaign, spec.budget):
            status, resumed = resumed_status(campaign)
            await campaigns.change_status(connection, campaign, status, at=at, changes=resumed)
        changed = await _read(connection, caller, name)
    services.snapshots.clear()
    services.notifier.notify()
    return changed


def _check_started(
    campaign: Campaign, spec: CampaignSpec, stored: Mapping[str, Any], change: Mapping[str, Any]
) -> None:
    now = spec.to_json()
    free = _WHILE_STARTED
    if campaign.status in (S.CHECKING, S.CANARY) or campaign.paused_from == S.CANARY:
        sizes = [(each.get("canary") or {}).get("items") for each in (stored, now)]
        if sizes[0] != sizes[1]:
            raise Conflict(f"The campaign is {campaign.status}: of canary only then can be changed.")
        free |= {"canary"}
    for member in change:
        if member not in free and now.get(member) != stored.get(member):
            raise Conflict(f"The campaign is {campaign.status}: {member} can't be changed any more.")
    before, after = (dict(each.get("defaults") or {}) for each in (stored, now))
    before.pop("retry", None)
    after.pop("retry", None)
    if before != after:
        raise Conflict(f"The campaign is {campaign.status}: of defaults only retry can be changed.")


async def delete_campaign(services: ApiServices, caller: Caller, name: str) -> None:
    """Delete a draft with its rows. Raises ``Conflict`` for any other campaign."""
    async with services.database.writing() as connection:
        campaign = await get_named(connection, caller, name, lock=True)
        if not campaign.is_planned or not await campaigns.delete_draft(connection, campaign.id):
            raise Conflict(
                f"The campaign is {campaign.status}: only a draft can be deleted; cancel it instead."
            )


async def start_campaign(services: ApiServices, caller: Caller, name: str, expected: int) -> Campaign:
    """Start a draft; its items and jobs are made by a worker. A finished one goes on with its new rows.

    ``expected``: the number of items in its plan. Raises ``Conflict`` if that is not the number any more.
    """
    at = services.clock()
    async with services.database.writing() as connection:
        campaign = await get_named(connection, caller, name, lock=True)
        spec = spec_of(campaign)
        variants = variants_of(services, spec)
        count = item_count(campaign, spec, variants)
        _check_expected(services, campaign, count, expected, at)
        if campaign.status == S.FINISHED:
            if not await rows.any_unstarted(connection, campaign.id):
                raise Problem(409, "no_new_rows", "The campaign is finished, and has no new rows.")
            changes: dict[str, Any] = {"finished_at": None, "expected_items": count}
            await campaigns.change_status(connection, campaign, S.RUNNING, at=at, changes=changes)
            _describe_status(campaign, S.RUNNING)
        elif campaign.status == S.DRAFT:
            opening = spec.opening(at)
            changes = {
                "started_at": at,
                "expected_items": count,
                "opens_at": opening.opens_at if opening else None,
                "closes_at": opening.closes_at if opening else None,
            }
            await campaigns.change_status(connection, campaign, S.CHECKING, at=at, changes=changes)
            _describe_status(campaign, S.CHECKING)
        else:
            raise Conflict(f"The campaign is {campaign.status}: it was started already.")
        started = await _read(connection, caller, name)
    services.notifier.notify()
    return started


def _check_expected(
    services: ApiServices, campaign: Campaign, count: int, expected: int, at: datetime
) -> None:
    if count == 0:
        raise Conflict("The campaign has no items: import rows first.")
    if count > (most := services.settings.campaign_items):
        raise Conflict(
            f"The campaign has {count:,} items; at most {most:,} are permitted (DARKROOM_CAMPAIGN_ITEMS)."
        )
    if campaign.deadline is not None and campaign.deadline <= at:
        raise Conflict("The deadline of the campaign has passed; create another one.")
    if campaign.import_until is not None and campaign.import_until > at:
        raise Conflict("An import of this campaign is under way; start it when that has ended.")
    if count != expected:
        detail = f"The campaign has {count:,} items, not {expected:,}: look at its plan again."
        raise Problem(409, "unexpected_items", detail, more={"items": count})


async def pause_campaign(
    services: ApiServices, caller: Caller, name: str, *, detail: str | None, until: datetime | None
) -> Campaign:
    """Pause a campaign: no further call is made; calls under way finish and count."""
    at = services.clock()
    async with services.database.writing() as connection:
        campaign = await _lock_any(connection, caller, name, at)
        if CampaignStatus(campaign.status) not in PAUSABLE:
            raise Conflict(f"The campaign is {campaign.status}: it can't be paused.")
        changes = pause_changes(campaign, PauseReason.MANUAL, at=at, by=caller.by, detail=detail, until=until)
        await campaigns.change_status(connection, campaign, S.PAUSED, at=at, changes=changes)
        _describe_status(campaign, S.PAUSED, {"reason": detail, "until": moment(until)})
        paused = await _read(connection, caller, name)
    services.snapshots.clear()
    return paused


async def resume_campaign(services: ApiServices, caller: Caller, name: str) -> Campaign:
    """End a pause; the campaign goes back to the status that it had before."""
    at = services.clock()
    async with services.database.writing() as connection:
        campaign = await get_named(connection, caller, name, lock=True)
        if campaign.status != S.PAUSED:
            raise Conflict(f"The campaign is {campaign.status}, not paused.")
        status, changes = resumed_status(campaign)
        changes |= {"failing_since": at}
        await campaigns.change_status(connection, campaign, status, at=at, changes=changes)
        _describe_status(campaign, status)
        resumed = await _read(connection, caller, name)
    services.snapshots.clear()
    services.notifier.notify()
    return resumed


async def cancel_campaign(services: ApiServices, caller: Caller, name: str) -> Campaign:
    """Cancel a campaign: its queued jobs end, by a worker; calls under way finish and count."""
    at = services.clock()
    async with services.database.writing() as connection:
        campaign = await get_named(connection, caller, name, lock=True)
        spec_of(campaign)
        if CampaignStatus(campaign.status) not in CANCELLABLE:
            raise Conflict(f"The campaign is {campaign.status}: it can't be cancelled.")
        changes = {"closed": WaitReason.CAMPAIGN_PAUSED.value, "finished_at": at}
        await campaigns.change_status(connection, campaign, S.CANCELLED, at=at, changes=changes)
        campaign_ended(connection, campaign, S.CANCELLED, at)
        _describe_status(campaign, S.CANCELLED)
        cancelled = await _read(connection, caller, name)
    services.snapshots.clear()
    services.notifier.notify()
    return cancelled


async def approve_campaign(services: ApiServices, caller: Caller, name: str) -> Campaign:
    """Approve the canary: all other items start."""
    at = services.clock()
    async with services.database.writing() as connection:
        campaign = await get_named(connection, caller, name, lock=True)
        if campaign.status != S.AWAITING_APPROVAL:
            raise Conflict(f"The campaign is {campaign.status}: there is no canary to approve.")
        changes = {"closed": None, "failing_since": at}
        await campaigns.change_status(connection, campaign, S.RUNNING, at=at, changes=changes)
        _describe_status(campaign, S.RUNNING)
        approved = await _read(connection, caller, name)
    services.snapshots.clear()
    services.notifier.notify()
    return approved


def _describe(campaign: Campaign, *, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    describe_change(target=public_id("camp", campaign.id), count=1, before=before, after=after)


def _describe_status(
    campaign: Campaign, status: CampaignStatus, more: Mapping[str, Any] | None = None
) -> None:
    given = {name: value for name, value in (more or {}).items() if value is not None}
    _describe(campaign, before={"status": campaign.status}, after={"status": status.value, **given})


async def _read(connection: AsyncConnection, caller: Caller, name: str) -> Campaign:
    return await get_named(connection, caller, name)


async def _lock_any(connection: AsyncConnection, caller: Caller, name: str, at: datetime) -> Campaign:
    """Lock a campaign; one that only jobs name gets a row."""
    if await any_job_of(connection, caller.id, name):
        await campaigns.adopt_plain(connection, caller.id, name, at)
    return await get_named(connection, caller, name, lock=True)
