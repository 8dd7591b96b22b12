"""The addresses of campaigns, each with its description."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.rest.campaigns import (
    LONGEST_NAME,
    LONGEST_PAGE,
    PAGE,
    get_campaign,
    get_campaigns,
    patch_campaign,
    put_campaign,
)
from api.rest.openapi.route_docs import Responses, answers, extra, merged, path, problems, query, reference
from models.retry.rules import RetryRules

_CAMPAIGN = reference("CampaignDocument")
_NAME = path("name", "the campaign's exact name, as jobs give it")
_BODY = {
    "schema": reference("CampaignSettings"),
    "examples": {
        "patient": {"value": {"retry": {"no_image": {"attempts": 3}, "rate_limited": {"attempts": 200}}}}
    },
}


class CampaignDocument(BaseModel):
    """What holds for the jobs of a campaign."""

    object: Literal["campaign"]
    name: str
    retry: RetryRules = Field(description="rules for trying again, by class of failure")
    updated_at: datetime | None = Field(description="null: nothing was set yet")


class CampaignPageDocument(BaseModel):
    """A page of campaigns by name; pass ``next`` as ``after`` for the following one."""

    data: list[CampaignDocument]
    next: str | None


def add_campaigns(router: APIRouter) -> None:
    """Add the routes."""
    _add(
        router,
        "GET",
        get_campaigns,
        "List the campaigns that something is set for",
        merged(answers(200, "A page.", reference("CampaignPageDocument")), problems(401, 422)),
        extra(
            query("after", "next of the page before", type="string", maxLength=LONGEST_NAME),
            query(
                "limit", "campaigns per page", type="integer", minimum=1, maximum=LONGEST_PAGE, default=PAGE
            ),
        ),
        address="/v1/campaigns",
    )
    done = answers(200, "The campaign.", _CAMPAIGN)
    wrong = problems(400, 401, 413, 422)
    look = merged(done, problems(401, 404, 422))
    _add(router, "GET", get_campaign, "Look at what is set for a campaign", look, extra(_NAME))
    for method, handler, summary in (
        ("PUT", put_campaign, "Set what holds for all jobs of a campaign"),
        ("PATCH", patch_campaign, "Change some of what holds for a campaign; null takes away"),
    ):
        _add(router, method, handler, summary, merged(done, wrong), extra(_NAME, body=_BODY))


def _add(
    router: APIRouter,
    method: str,
    handler: Callable[..., Any],
    summary: str,
    responses: Responses,
    described: dict[str, Any],
    *,
    address: str = "/v1/campaigns/{name:path}",
) -> None:
    router.add_api_route(
        address,
        handler,
        methods=[method],
        tags=["campaigns"],
        summary=summary,
        responses=responses,
        openapi_extra=described,
    )
