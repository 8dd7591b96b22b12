"""What holds for all jobs of a campaign: looked at, set, changed."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from api.auth import authenticate
from api.jobs.validation import rejection_of
from api.rest.openapi.route_docs import (
    Responses,
    merge_responses,
    path_parameter,
    problem_responses,
    query_parameter,
    request_docs,
    response,
    schema_ref,
)
from api.rest.parameters import read_integer, read_query, read_text
from api.services import services_of
from api.web.json_body import read_json
from api.web.problems import Problem, invalid_field, not_found
from api.web.responses import JsonResponse
from models.queries.campaigns import any_job_of, find_campaign, list_campaigns, save_campaign
from models.retry.rules import RetryRules
from models.serializers import moment

# What callers set for their campaigns, checked.


class CampaignSettings(BaseModel):
    """What holds for all jobs of a campaign, unless a job says otherwise."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)

    retry: RetryRules | None = Field(
        None, description="rules by class of failure, over those of channel and settings"
    )


def read_settings(value: Any) -> CampaignSettings:
    """Read a body. Raises the 422 problem."""
    try:
        return CampaignSettings.model_validate(value)
    except ValidationError as error:
        fault = rejection_of(error)
        raise Problem(422, fault.code, fault.message, errors=fault.errors) from error


def patch_settings(kept: Mapping[str, Any] | None, said: CampaignSettings) -> CampaignSettings:
    """Lay a change over what is kept, as JSON Merge Patch (RFC 7396): null takes away. Raises the problem."""
    before = {"retry": dict(kept or {})}
    return read_settings(_patched(before, said.model_dump(mode="json", exclude_unset=True)))


def _patched(kept: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    left = {name: value for name, value in kept.items() if said.get(name, value) is not None}
    for name, value in said.items():
        if isinstance(value, dict):
            left[name] = _patched(kept.get(name) or {}, value)
        elif value is not None:
            left[name] = value
    return left


LONGEST_PAGE = 200
PAGE = 100
LONGEST_NAME = 128
_LISTING = frozenset({"after", "limit"})
_PRIVATE = {"Cache-Control": "no-store"}


async def get_campaigns(request: Request) -> Response:
    """List the campaigns that something is set for, by name."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    query = read_query(request, _LISTING)
    limit = read_integer(query, "limit", default=PAGE, least=1, most=LONGEST_PAGE) or PAGE
    after = read_text(query, "after", longest=LONGEST_NAME)
    async with services.database.reading() as connection:
        rows = await list_campaigns(connection, caller.id, after=after, limit=limit + 1)
    shown = [_view(row.name, row.retry, row.updated_at) for row in rows[:limit]]
    following = shown[-1]["name"] if len(rows) > limit else None
    return JsonResponse({"data": shown, "next": following}, headers=_PRIVATE)


async def get_campaign(request: Request) -> Response:
    """Look at what is set for a campaign."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    name = _name(request)
    async with services.database.reading() as connection:
        row = await find_campaign(connection, caller.id, name)
        if row is None and not await any_job_of(connection, caller.id, name):
            raise not_found(f"There is no campaign {name!r}: no job of yours names it, and nothing is set.")
    return JsonResponse(_view(name, row and row.retry, row and row.updated_at), headers=_PRIVATE)


async def put_campaign(request: Request) -> Response:
    """Set all that holds for a campaign; what is not named is taken away."""
    return await _save(request, change=False)


async def patch_campaign(request: Request) -> Response:
    """Change some of what holds for a campaign; what is not named stays, null takes away."""
    return await _save(request, change=True)


async def _save(request: Request, *, change: bool) -> Response:
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    name, at = _name(request), services.clock()
    given = read_settings((await read_json(request))[1])
    async with services.database.writing() as connection:
        if change:
            row = await find_campaign(connection, caller.id, name, lock=True)
            given = patch_settings(row and row.retry, given)
        retry = _kept(given)
        await save_campaign(connection, caller.id, name, retry=retry, at=at)
    return JsonResponse(_view(name, retry, at), headers=_PRIVATE)


def _kept(given: CampaignSettings) -> dict[str, Any]:
    return given.retry.to_json() if given.retry else {}


def _name(request: Request) -> str:
    name: str = request.path_params["name"]
    if "\0" in name or not name.strip() or len(name) > LONGEST_NAME:
        raise invalid_field("name", f"must have 1 to {LONGEST_NAME} characters, not only blanks, and no NUL")
    return name


def _view(name: str, retry: dict[str, Any] | None, updated_at: datetime | None) -> dict[str, Any]:
    return {"object": "campaign", "name": name, "retry": retry or {}, "updated_at": moment(updated_at)}


# The addresses of campaigns, each with its description.

_CAMPAIGN = schema_ref("CampaignDocument")
_NAME = path_parameter("name", "the campaign's exact name, as jobs give it")
_BODY = {
    "schema": schema_ref("CampaignSettings"),
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


def add_routes(router: APIRouter) -> None:
    """Add the routes."""
    _add(
        router,
        "GET",
        get_campaigns,
        "List the campaigns that something is set for",
        merge_responses(
            response(200, "A page.", schema_ref("CampaignPageDocument")), problem_responses(401, 422)
        ),
        request_docs(
            query_parameter("after", "next of the page before", type="string", maxLength=LONGEST_NAME),
            query_parameter(
                "limit", "campaigns per page", type="integer", minimum=1, maximum=LONGEST_PAGE, default=PAGE
            ),
        ),
        address="/v1/campaigns",
    )
    done = response(200, "The campaign.", _CAMPAIGN)
    wrong = problem_responses(400, 401, 413, 422)
    look = merge_responses(done, problem_responses(401, 404, 422))
    _add(router, "GET", get_campaign, "Look at what is set for a campaign", look, request_docs(_NAME))
    for method, handler, summary in (
        ("PUT", put_campaign, "Set what holds for all jobs of a campaign"),
        ("PATCH", patch_campaign, "Change some of what holds for a campaign; null takes away"),
    ):
        _add(router, method, handler, summary, merge_responses(done, wrong), request_docs(_NAME, body=_BODY))


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
