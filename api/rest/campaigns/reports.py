"""Reports on a campaign: its failures by fingerprint, its models side by side, and its costs."""

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from api.auth import authenticate
from api.campaigns.lookup import get_named
from api.campaigns.reports import costs_document, failures_document, models_document
from api.rest.campaigns.routing import NAME, NO_STORE, ONE, add_route, read_name
from api.rest.openapi.route_docs import (
    merge_responses,
    problem_responses,
    query_parameter,
    request_docs,
    response,
    schema_ref,
)
from api.rest.parameters import read_query
from api.services import services_of
from api.web.problems import invalid_field
from api.web.responses import JsonResponse
from models.queries.campaigns.costs import costs_by_model, spent_by_kind
from models.queries.campaigns.counts import count_items
from models.queries.campaigns.reports import list_failures, results_by_model

_MOST_MODELS = 20


class FailuresDocument(BaseModel):
    """Failed and held items by fingerprint, the most frequent first."""

    data: list[dict[str, Any]] = Field(
        description="{stage: row, queue, call or store; channel, model, code, words, held, count, first, "
        "last, samples: keys}"
    )
    more: bool = Field(description="there are further fingerprints")


class ModelResultsDocument(BaseModel):
    """Results of each model that made takes of the campaign."""

    same_items: list[str] = Field(description="models whose common items alone are counted")
    data: list[dict[str, Any]] = Field(
        description="{model, takes, pictures, failed, approved, rejected, unjudged, approval: approved of "
        "the judged pictures, costs: [{currency, calls, cost, unknown, cost_per_approved}], and of one "
        "currency also currency, cost, cost_per_approved; cost_source: calls, incomplete if the cost of "
        "some is not known, or unknown}"
    )


class CampaignCostsDocument(BaseModel):
    """What the calls of a campaign have cost. Amounts are decimal texts; currencies are never converted."""

    object: Literal["campaign_costs"]
    campaign: str
    items: dict[str, int] = Field(description="{pictures, approved}: items that have a picture")
    currencies: list[dict[str, Any]] = Field(
        description="{currency, calls, cost, in_flight, unknown: reserved by calls whose cost is not known, "
        "by_result: {approved, unjudged, rejected, replaced, failed, checks, open, other}, waste: {cost, "
        "share}: of rejected, replaced and failed, cost_per_picture, cost_per_approved: of all calls}"
    )
    models: list[dict[str, Any]] = Field(description="as `GET …/models`")


async def get_failures(request: Request) -> Response:
    """Return why items failed, by fingerprint."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    async with services.database.reading() as connection:
        campaign = await get_named(connection, caller, read_name(request))
        found = await list_failures(connection, campaign.id)
    return JsonResponse(failures_document(found), headers=NO_STORE)


async def get_models(request: Request) -> Response:
    """Return results by model; with ``same_items`` those of items that have a picture of each."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    read_query(request, frozenset({"same_items"}))
    wanted = list(dict.fromkeys(request.query_params.getlist("same_items")))
    if len(wanted) > _MOST_MODELS or any(not each or "\0" in each or len(each) > 256 for each in wanted):
        raise invalid_field("same_items", f"must be the name of a model, up to {_MOST_MODELS} times")
    async with services.database.reading() as connection:
        campaign = await get_named(connection, caller, read_name(request))
        found = await results_by_model(connection, campaign.id, same_items=wanted)
        costs = await costs_by_model(connection, campaign.id, same_items=wanted)
    return JsonResponse(models_document(found, costs, wanted), headers=NO_STORE)


async def get_costs(request: Request) -> Response:
    """Return what the calls of a campaign have cost, and what an approved picture has."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    read_query(request, frozenset())
    async with services.database.reading() as connection:
        campaign = await get_named(connection, caller, read_name(request))
        counts = (await count_items(connection, [campaign.id]))[campaign.id]
        spent = await spent_by_kind(connection, campaign)
        results = await results_by_model(connection, campaign.id, same_items=())
        costs = await costs_by_model(connection, campaign.id, same_items=())
    models = models_document(results, costs, ())
    return JsonResponse(costs_document(campaign, counts, spent, models), headers=NO_STORE)


def add_routes(router: APIRouter) -> None:
    """Add the routes."""
    problems = problem_responses(401, 404, 422)
    failures = response(200, "The failures.", schema_ref("FailuresDocument"))
    add_route(
        router,
        "GET",
        f"{ONE}/failures",
        get_failures,
        "List why items failed, by fingerprint",
        merge_responses(failures, problems),
        request_docs(NAME),
    )
    same = query_parameter(
        "same_items",
        "A model; may be given several times: only items count that have a picture of each.",
        type="string",
    )
    results = response(200, "The results.", schema_ref("ModelResultsDocument"))
    add_route(
        router,
        "GET",
        f"{ONE}/models",
        get_models,
        "Compare the models of a campaign: pictures, approval and costs",
        merge_responses(results, problems),
        request_docs(NAME, same),
    )
    costs = response(200, "The costs.", schema_ref("CampaignCostsDocument"))
    add_route(
        router,
        "GET",
        f"{ONE}/costs",
        get_costs,
        "Get what a campaign has cost, for each approved picture and in waste",
        merge_responses(costs, problems),
        request_docs(NAME),
    )
