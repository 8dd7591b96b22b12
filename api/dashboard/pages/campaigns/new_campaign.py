"""A new campaign: upload a sheet, map its columns, see the plan with all errors, start it."""

from collections.abc import Mapping
from typing import Any

from api.access.roles import may_change
from api.campaigns.documents import campaign_documents
from api.campaigns.lookup import get_named
from api.campaigns.plan import make_plan
from api.dashboard.language.locales import msgid
from api.dashboard.page import Page, PageView
from api.jobs.served_models import read_served
from models.campaigns.row import FIELDS
from models.campaigns.status import CampaignStatus


async def load(view: PageView) -> Mapping[str, Any]:
    """Return the form, and the draft that the address names with its plan. Raises the 404 problem."""
    services, draft, plan = view.services, None, None
    served = await read_served(services)
    if name := view.query.get("draft"):
        async with services.database.reading() as connection:
            campaign = await get_named(connection, view.caller, name)
            [draft] = await campaign_documents(services, connection, [campaign])
        if campaign.status == CampaignStatus.DRAFT and (campaign.row_count or draft["axes"]):
            plan = await make_plan(services, campaign)
    return {
        "campaign": draft,
        "is_draft": draft is not None and draft["status"] == CampaignStatus.DRAFT,
        "plan": plan,
        "models": list(served.names),
        "fields": FIELDS,
        "may_change": may_change(view.caller.role),
    }


PAGE = Page(
    "/dashboard/campaigns/new",
    "new_campaign",
    msgid("New campaign"),
    load,
    parent="campaigns",
    styles=("campaigns.css",),
    scripts=("new_campaign.js",),
)
