"""Review: the pictures of a campaign as a grid, or one by one, decided by keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from api.campaigns.documents import campaign_documents, items_document_page
from api.campaigns.lookup import get_named
from api.campaigns.review import VerdictRequest, give_verdicts
from api.campaigns.selection import GivenItems, read_cursor, write_cursor
from api.dashboard.figures.campaign_progress import progress_of
from api.dashboard.language.locales import msgid
from api.dashboard.page import Page, PageView
from api.dashboard.pages.campaigns.campaign import BY_TYPING
from api.web.problems import Problem
from models.api_keys import Role
from models.campaigns.item_filter import MEMBERS, ItemFilter, parse_filter
from models.campaigns.item_state import ItemState
from models.errors import Conflict, InvalidRequest
from models.ids import parse_id
from models.queries.campaigns.items import list_items
from models.queries.campaigns.verdicts import find_position

_FIGURES = 60
VIEWS = (
    ("", msgid("Unjudged"), (ItemState.MADE,)),
    ("approved", msgid("Approved"), (ItemState.APPROVED,)),
    ("rejected", msgid("Rejected"), (ItemState.REJECTED,)),
    ("failed,held", msgid("Failed and held"), (ItemState.FAILED, ItemState.HELD)),
    ("all", msgid("All items"), ()),
)
REASONS = (
    msgid("wrong subject"),
    msgid("artefacts"),
    msgid("text is wrong"),
    msgid("colour or light"),
    msgid("crop"),
)
"""Reasons with a key of their own, from 1."""


@dataclass(frozen=True, slots=True)
class VerdictPreview:
    """A verdict on all that match, looked at before it is given."""

    verdict: str
    action: Mapping[str, Any] | None
    refusal: str


async def load(view: PageView) -> Mapping[str, Any]:
    """Return a page of items by the filter. Raises the 404 and 422 problems."""
    services, name = view.services, view.request.path_params["campaign_id"]
    status = view.query.get("status", "")
    wanted = read_filter(view, status)
    one_by_one = view.query.get("view") == "one"
    async with services.database.reading() as connection:
        campaign = await get_named(connection, view.caller, name)
        [summary] = await campaign_documents(services, connection, [campaign])
        after = read_cursor(view.query.get("before"))
        if after is None and (item := view.query.get("item")):
            position = await find_position(connection, campaign.id, parse_id("item", item))
            after = (position - 1, UUID(int=2**128 - 1)) if position is not None else None
        found = []
        if not one_by_one:
            found = list(await list_items(connection, campaign.id, wanted, after=after, limit=_FIGURES + 1))
        items = await items_document_page(services, connection, found[:_FIGURES])
    filters = {member: view.query[member] for member in MEMBERS if view.query.get(member)}
    return {
        "campaign": summary,
        "progress": progress_of(summary["items"]),
        "items": items,
        "following": write_cursor(found[_FIGURES - 1]) if len(found) > _FIGURES else None,
        "views": [
            (value, label, sum(summary["items"]["by_status"][each] for each in states) if states else None)
            for value, label, states in VIEWS
        ],
        "status": status,
        "filters": {**filters, "status": status},
        "narrowed": {member: value for member, value in filters.items() if member != "status"},
        "one_by_one": one_by_one,
        "reasons": REASONS,
        "may_judge": not view.caller.role.sees_all or view.caller.role.reaches(Role.REVIEWER),
        "preview": await _preview(view, summary["id"], wanted),
        "filter_json": wanted.to_json(),
        "by_typing": BY_TYPING,
    }


def read_filter(view: PageView, status: str) -> ItemFilter:
    """Return the filter in the address; states are separated by commas, without any: unjudged items.

    Raises ``InvalidRequest``.
    """
    given: dict[str, Any] = {
        member: view.request.query_params.getlist(member) for member in MEMBERS if view.query.get(member)
    }
    given["status"] = {"": [ItemState.MADE.value], "all": []}.get(status, status.split(","))
    return parse_filter(given)


async def _preview(view: PageView, campaign: str, wanted: ItemFilter) -> VerdictPreview | None:
    verdict, role = view.query.get("decide", ""), view.caller.role
    may = not role.sees_all or role.reaches(Role.REVIEWER)
    if verdict not in ("pick", "reject", "none") or not may:
        return None
    request = VerdictRequest(
        given=GivenItems(None, wanted), verdict=verdict, reason=None, dry_run=True, expected_count=None
    )
    try:
        return VerdictPreview(verdict, await give_verdicts(view.services, view.caller, campaign, request), "")
    except (Conflict, InvalidRequest) as error:
        return VerdictPreview(verdict, None, str(error))
    except Problem as problem:
        return VerdictPreview(verdict, None, problem.detail)


PAGE = Page(
    "/dashboard/campaigns/{campaign_id}/review",
    "review",
    msgid("Review"),
    load,
    parent="campaigns",
    styles=("campaigns.css",),
    scripts=("review.js",),
    keys={
        "P": msgid("Pick"),
        "X": msgid("Reject"),
        "1 … 5": msgid("Reject for this reason"),
        "U": msgid("Back to unjudged"),
        "R": msgid("Re-roll: a further take"),
        "E": msgid("Re-roll with an edited prompt"),
        "C": msgid("Compare with the input picture or other takes"),
        "Z": msgid("Undo the last verdict"),
        "F": msgid("Full size"),
        "← →": msgid("Picture before and after"),
        "N": msgid("Next unjudged"),
        "Space": msgid("Mark, for a verdict on several"),
        "O": msgid("Grid or one by one"),
    },
)
