"""Control of a campaign: plan, start, pause, resume, cancel, approve."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from fastapi import APIRouter
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Caller, authenticate
from api.campaigns.control import (
    approve_campaign,
    cancel_campaign,
    pause_campaign,
    resume_campaign,
    start_campaign,
)
from api.campaigns.lookup import get_named
from api.campaigns.plan import make_plan
from api.jobs.validation import rejection_of
from api.rest.campaigns.routing import CAMPAIGN, NAME, NO_STORE, ONE, add_route, campaign_response, read_name
from api.rest.campaigns.schemas import CampaignPause, StartRequest
from api.rest.openapi.route_docs import (
    merge_responses,
    problem_responses,
    request_docs,
    response,
    schema_ref,
)
from api.services import ApiServices, services_of
from api.web.json_body import read_json
from api.web.problems import Problem
from api.web.responses import JsonResponse
from models.queries.campaigns.campaigns import Campaign

_Body = TypeVar("_Body", bound=BaseModel)


def _parse(schema: type[_Body], value: object) -> _Body:
    try:
        return schema.model_validate(value)
    except ValidationError as error:
        rejection = rejection_of(error)
        raise Problem(422, rejection.code, rejection.message, errors=rejection.errors) from error


async def get_plan(request: Request) -> Response:
    """Return the plan of a campaign: items, errors, samples, cost and time, before anything is paid."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    async with services.database.reading() as connection:
        campaign = await get_named(connection, caller, read_name(request))
    return JsonResponse(await make_plan(services, campaign), headers=NO_STORE)


async def start(request: Request) -> Response:
    """Start a draft, or the new rows of a finished campaign."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    body = _parse(StartRequest, (await read_json(request, caller))[1])
    campaign = await start_campaign(services, caller, read_name(request), body.expected_items)
    return await campaign_response(services, campaign)


async def pause(request: Request) -> Response:
    """Pause a campaign; calls under way finish."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    body = _parse(CampaignPause, (await read_json(request, caller, optional=True))[1])
    until = body.end(services.clock())
    campaign = await pause_campaign(services, caller, read_name(request), detail=body.reason, until=until)
    return await campaign_response(services, campaign)


def _simple(
    act: Callable[[ApiServices, Caller, str], Awaitable[Campaign]],
) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        services = services_of(request)
        caller = await authenticate(request, services.authenticator)
        return await campaign_response(services, await act(services, caller, read_name(request)))

    handle.__name__ = act.__name__
    return handle


def add_routes(router: APIRouter) -> None:
    """Add the routes."""
    plan = response(200, "The plan.", schema_ref("PlanDocument"))
    add_route(
        router,
        "GET",
        f"{ONE}/plan",
        get_plan,
        "Plan a campaign: what it would make, cost and take",
        merge_responses(plan, problem_responses(401, 404, 409, 422)),
        request_docs(NAME),
    )
    done = merge_responses(CAMPAIGN, problem_responses(400, 401, 404, 409, 413, 415, 422))
    start_body, pause_body = {"schema": schema_ref("StartRequest")}, {"schema": schema_ref("CampaignPause")}
    add_route(
        router,
        "POST",
        f"{ONE}/start",
        start,
        "Start a campaign, whose plan has so many items",
        done,
        request_docs(NAME, body=start_body),
    )
    add_route(
        router,
        "POST",
        f"{ONE}/pause",
        pause,
        "Pause a campaign: no further call is made",
        done,
        request_docs(NAME, body=pause_body, body_required=False),
    )
    for word, act, summary in (
        ("resume", resume_campaign, "Resume a paused campaign"),
        ("cancel", cancel_campaign, "Cancel a campaign: queued jobs end, calls under way finish"),
        ("approve", approve_campaign, "Approve the canary: all other items start"),
    ):
        add_route(router, "POST", f"{ONE}/{word}", _simple(act), summary, done, request_docs(NAME))
