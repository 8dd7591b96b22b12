"""Lists of campaigns, for the API and the dashboard: by name, or the newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Row

from api.auth import Caller
from api.campaigns.documents import campaign_documents, campaign_documents_and, unnamed_document
from api.jobs.caller_scope import scope_of
from api.services import ApiServices
from api.web.problems import invalid_field
from models.campaigns.status import CampaignStatus
from models.errors import NotFound
from models.ids import parse_id
from models.queries.campaigns import campaigns
from models.queries.campaigns.items import newest_pictures
from models.queries.campaigns.settings import list_names_of_jobs

_MOST_NAMES = 10_000  # campaigns of a caller that only jobs name; the first of them are listed


@dataclass(frozen=True, slots=True)
class CampaignPage:
    """A page of campaigns as JSON; ``following``: the cursor of the next page, if there is one."""

    documents: Sequence[dict[str, Any]]
    following: str | None
    pictures: Sequence[Row[Any]] = ()  #: newest pictures of planned ones, if they were wanted


async def list_by_name(
    services: ApiServices, caller: Caller, *, after: str | None, limit: int
) -> CampaignPage:
    """Return a page of a caller's own campaigns by name, with those that only its jobs name."""
    async with services.database.reading() as connection:
        found = await campaigns.list_planned_and_plain(connection, [caller.id], after=after, limit=limit + 1)
        known = {each.name: each for each in found}
        named = await list_names_of_jobs(connection, caller.id, limit=_MOST_NAMES)
        unnamed = {name for name in named if name not in known and (after is None or name > after)}
        if len(found) > limit:  # further campaigns follow: names beyond the last found belong to a later page
            unnamed = {name for name in unnamed if name < found[-1].name}
        names = sorted({*known, *unnamed})[: limit + 1]
        shown = [known[name] for name in names[:limit] if name in known]
        documents = {each["name"]: each for each in await campaign_documents(services, connection, shown)}
    page = [
        documents[name] if name in known else unnamed_document(services, name, {}, None)
        for name in names[:limit]
    ]
    return CampaignPage(page, page[-1]["name"] if len(names) > limit else None)


async def list_newest(
    services: ApiServices,
    caller: Caller,
    *,
    statuses: Sequence[CampaignStatus],
    before: str | None,
    limit: int,
    pictures: int = 0,
) -> CampaignPage:
    """Return a page of the campaigns in scope that have an id, the newest first, in some or all statuses.

    ``pictures``: newest pictures of each planned campaign, at most. Raises the 422 problem if ``before`` is
    no campaign's id.
    """
    try:
        cursor = parse_id("camp", before) if before else None
    except NotFound as error:
        raise invalid_field("before", "must be the id of a campaign") from error
    async with services.database.reading() as connection:
        found = await campaigns.list_newest(
            connection,
            await scope_of(connection, caller),
            statuses=[status.value for status in statuses],
            before=cursor,
            limit=limit + 1,
        )
        planned = [each.id for each in found[:limit] if each.is_planned and pictures]
        page, (newest,) = await campaign_documents_and(
            services,
            connection,
            found[:limit],
            partial(newest_pictures, campaign_ids=planned, limit=pictures),
        )
    return CampaignPage(page, page[-1]["id"] if len(found) > limit else None, newest)
