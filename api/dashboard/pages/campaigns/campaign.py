"""One campaign: how far it is, what it costs, what failed, what it needs from a person, and what to press."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from api.access.roles import may_change
from api.campaigns.bulk_actions import list_page as list_actions
from api.campaigns.documents import campaign_document
from api.campaigns.exports import list_page as list_exports
from api.campaigns.lookup import get_named
from api.campaigns.plan import make_plan
from api.campaigns.repair import RepairRequest, repair_items
from api.campaigns.reports import costs_document, failures_document, models_document
from api.campaigns.selection import GivenItems
from api.dashboard.figures.campaign_progress import Picture, money_of, progress_of
from api.dashboard.figures.shared import shared
from api.dashboard.language.locales import msgid
from api.dashboard.page import Page, PageView
from api.services import ApiServices
from api.web.problems import Problem
from models.api_keys import Role
from models.campaigns.actions import ActionKind, ActionStatus, RetryMode
from models.campaigns.item_filter import MEMBERS, parse_filter
from models.campaigns.repair import Repair, Reroll, Retry
from models.campaigns.status import CANCELLABLE, PAUSABLE, CampaignStatus
from models.errors import Conflict, InvalidRequest
from models.ids import public_id
from models.queries.campaigns import campaigns
from models.queries.campaigns.costs import costs_by_model, spent_by_kind
from models.queries.campaigns.counts import count_items
from models.queries.campaigns.items import count_canary, count_canary_made, newest_pictures
from models.queries.campaigns.reports import list_failures, results_by_model
from models.queries.dashboard.audit import list_entries
from models.serializers import asset_view

S = CampaignStatus
_PICTURES = 12
_ACTIONS = 8
_EXPORTS = 6
_GROUPS = 8
_MODELS = 20
_REPAIRS = (ActionKind.RETRY.value, ActionKind.REROLL.value)
MODES = (
    (RetryMode.MISSING, msgid("Missing")),
    (RetryMode.MISSING_AND_FAILED, msgid("Missing and failed")),
    (RetryMode.ALL, msgid("All")),
)
DAYS = (
    ("mon", msgid("Mon")),
    ("tue", msgid("Tue")),
    ("wed", msgid("Wed")),
    ("thu", msgid("Thu")),
    ("fri", msgid("Fri")),
    ("sat", msgid("Sat")),
    ("sun", msgid("Sun")),
)
"""Days of windows, as the API writes them."""
BY_TYPING = 100
"""More items than this are confirmed by typing their number."""


@dataclass(frozen=True, slots=True)
class RepairPreview:
    """A retry or a re-roll that is looked at before it is begun."""

    word: str  #: retry or reroll
    body: Mapping[str, Any]  #: of the call that begins it, without the expected count
    action: Mapping[str, Any] | None  #: what it would do
    refusal: str  #: why it can't be begun


async def load(view: PageView) -> Mapping[str, Any]:
    """Return a campaign. Raises the 404 problem."""
    services, caller = view.services, view.caller
    name: str = view.request.path_params["campaign_id"]
    async with services.database.reading() as connection:
        campaign = await get_named(connection, caller, name)
        document = await campaign_document(services, connection, campaign)
        newest = await newest_pictures(connection, [campaign.id], limit=_PICTURES)
        audit = await list_entries(connection, limit=10, target=document["id"])
        canary = None
        if campaign.status in (S.CANARY, S.AWAITING_APPROVAL):
            canary = (
                await count_canary_made(connection, campaign.id),
                await count_canary(connection, campaign.id),
            )
    failures = await shared(view, 2.0, _failures, campaign.id)
    costs = await shared(view, 3.0, _costs, campaign.id)
    actions = await list_actions(services, caller, campaign=document["id"], kinds=_REPAIRS, limit=_ACTIONS)
    plan = await make_plan(services, campaign) if campaign.status == S.DRAFT else None
    return {
        "campaign": document,
        "progress": progress_of(document["items"]),
        "money": money_of(document["money"]),
        "canary": canary,
        "pictures": [
            Picture(
                asset_view(row, public_url=services.public_url),
                public_id("item", row.item_id),
                row.item_key,
                row.item_state,
            )
            for row in newest
        ],
        "failures": failures["data"][:_GROUPS],
        "failed": sum(each["count"] for each in failures["data"]),
        "costs": costs,
        "models": await _models(view, campaign.id, costs),
        "same_items": view.query.get("same") == "yes",
        "actions": actions,
        "running_actions": [each for each in actions if each["status"] == ActionStatus.RUNNING],
        "exports": await list_exports(services, caller, campaign=document["id"], before=None, limit=_EXPORTS),
        "preview": await read_preview(view, document["id"]),
        "modes": MODES,
        "by_typing": BY_TYPING,
        "plan": plan,
        "days": DAYS,
        "changes_canary": campaign.status == S.DRAFT
        or (document.get("canary") and campaign.status in (S.CHECKING, S.CANARY)),
        "audit": audit,
        "can_pause": campaign.status in PAUSABLE,
        "can_cancel": campaign.is_planned and campaign.status in CANCELLABLE and plan is None,
        "can_repair": campaign.is_planned
        and campaign.status not in (S.DRAFT, S.CHECKING, S.CANCELLED)
        and (campaign.deadline is None or campaign.deadline > services.clock()),
    }


async def _failures(services: ApiServices, scope: UUID | None, campaign_id: UUID) -> Mapping[str, Any]:
    async with services.database.reading() as connection:
        return failures_document(await list_failures(connection, campaign_id))


async def _costs(services: ApiServices, scope: UUID | None, campaign_id: UUID) -> Mapping[str, Any] | None:
    async with services.database.reading() as connection:
        campaign = await campaigns.get(connection, campaign_id)
        if campaign is None:
            return None
        counts = (await count_items(connection, [campaign_id]))[campaign_id]
        spent = await spent_by_kind(connection, campaign)
        results = await results_by_model(connection, campaign_id, same_items=())
        costs = await costs_by_model(connection, campaign_id, same_items=())
    return costs_document(campaign, counts, spent, models_document(results, costs, ()))


async def _models(
    view: PageView, campaign_id: UUID, costs: Mapping[str, Any] | None
) -> Sequence[Mapping[str, Any]]:
    """Return the models side by side; of items that have a picture of each, if the address says so."""
    found: Sequence[Mapping[str, Any]] = costs["models"] if costs else []
    names = tuple(each["model"] for each in found if each["pictures"])[:_MODELS]
    if view.query.get("same") != "yes" or len(names) < 2:
        return found
    same: Mapping[str, Any] = await shared(view, 3.0, _same_items, campaign_id, names)
    data: Sequence[Mapping[str, Any]] = same["data"]
    return data


async def _same_items(
    services: ApiServices, scope: UUID | None, campaign_id: UUID, names: Sequence[str]
) -> Mapping[str, Any]:
    async with services.database.reading() as connection:
        results = await results_by_model(connection, campaign_id, same_items=names)
        costs = await costs_by_model(connection, campaign_id, same_items=names)
    return models_document(results, costs, names)


async def read_preview(view: PageView, campaign: str) -> RepairPreview | None:
    """Return what the repair in the address would do; ``None``: there is none, or the role may not."""
    word, role = view.query.get("act", ""), view.caller.role
    allowed = {"retry": may_change(role), "reroll": not role.sees_all or role.reaches(Role.REVIEWER)}
    if not allowed.get(word):
        return None
    given = {name: view.request.query_params.getlist(name) for name in MEMBERS if view.query.get(name)}
    repair, members = _repair(word, view.query)
    body = {**members, "filter": {}}
    try:
        wanted = parse_filter(given)
        body = {**members, "filter": wanted.to_json()}
        request = RepairRequest(
            repair=repair, given=GivenItems(None, wanted), dry_run=True, expected_count=None
        )
        action = await repair_items(view.services, view.caller, campaign, request)
    except (Conflict, InvalidRequest) as error:
        return RepairPreview(word, body, None, str(error))
    except Problem as problem:
        return RepairPreview(word, body, None, problem.detail)
    return RepairPreview(word, body, action, "")


def _repair(word: str, query: Mapping[str, str]) -> tuple[Repair, Mapping[str, Any]]:
    if word == "retry":
        given = query.get("mode", "")
        mode = RetryMode(given) if given in set(RetryMode) else RetryMode.MISSING_AND_FAILED
        return Retry(mode), {"mode": mode.value}
    prompt, model = query.get("prompt") or None, query.get("to") or None
    members = {"prompt": prompt, "model": model}
    return Reroll(prompt, None, model), {name: value for name, value in members.items() if value}


PAGE = Page(
    "/dashboard/campaigns/{campaign_id}",
    "campaign",
    msgid("Campaign"),
    load,
    live=frozenset({"campaigns", "jobs", "actions", "exports"}),
    parent="campaigns",
    styles=("campaigns.css",),
)
