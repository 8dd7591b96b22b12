"""Campaigns: how far each is, what it costs, what it needs from a person, and its newest pictures."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from api.campaigns.campaign_list import list_newest
from api.dashboard.figures.campaign_progress import Picture, money_of, progress_of
from api.dashboard.figures.shared import shared
from api.dashboard.language.locales import msgid
from api.dashboard.page import Page, PageView
from api.services import ApiServices
from models.campaigns.status import CampaignStatus
from models.ids import public_id
from models.queries.campaigns.campaigns import count_by_status
from models.serializers import asset_view

S = CampaignStatus
_ROWS = 25
_PICTURES = 6
VIEWS: Mapping[str, tuple[str, tuple[CampaignStatus, ...]]] = {
    "": (msgid("All"), ()),
    "running": (msgid("Running"), (S.CHECKING, S.CANARY, S.RUNNING)),
    "needs": (msgid("Needs a person"), (S.AWAITING_APPROVAL, S.PAUSED)),
    "draft": (msgid("Drafts"), (S.DRAFT,)),
    "ended": (msgid("Ended"), (S.FINISHED, S.CANCELLED)),
}


async def _counts(services: ApiServices, scope: UUID | None) -> Mapping[str, int]:
    async with services.database.reading() as connection:
        return await count_by_status(connection, None if scope is None else [scope])


async def load(view: PageView) -> Mapping[str, Any]:
    """Return a page of campaigns, the newest first. Raises the 422 problem of a wrong cursor."""
    services, shown = view.services, view.query.get("view", "")
    shown = shown if shown in VIEWS else ""
    counts = await shared(view, 1.0, _counts)
    before = view.query.get("before")
    statuses = VIEWS[shown][1]
    page = await list_newest(
        services, view.caller, statuses=statuses, before=before, limit=_ROWS, pictures=_PICTURES
    )
    strips: dict[str, list[Picture]] = defaultdict(list)
    for row in page.pictures:
        asset = asset_view(row, public_url=services.public_url)
        strips[public_id("camp", row.campaign_id)].append(
            Picture(asset, public_id("item", row.item_id), row.item_key, row.item_state)
        )
    return {
        "campaigns": [
            (each, progress_of(each["items"]), money_of(each["money"]), strips.get(each["id"], []))
            for each in page.documents
        ],
        "following": page.following,
        "views": [
            (name, label, sum(counts.get(each, 0) for each in statuses) if statuses else None)
            for name, (label, statuses) in VIEWS.items()
        ],
        "shown": shown,
    }


PAGE = Page(
    "/dashboard/campaigns",
    "campaigns",
    msgid("Campaigns"),
    load,
    live=frozenset({"campaigns", "jobs", "actions"}),
    group="work",
    icon="campaigns",
    styles=("campaigns.css",),
)
