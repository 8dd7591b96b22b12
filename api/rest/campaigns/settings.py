"""Campaign settings: list, get, replace (PUT), change (PATCH)."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Caller, authenticate
from api.ceilings import limit_reached
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
from api.services import ApiServices, services_of
from api.web.json_body import read_json
from api.web.problems import Problem, invalid_field, not_found
from api.web.responses import JsonResponse
from models.queries.callers import lock_submits
from models.queries.campaigns.settings import (
    any_job_of,
    count_campaigns,
    find_campaign,
    list_campaigns,
    save_campaign,
)
from models.retry.rules import RetryRules
from models.serializers import moment

LONGEST_PAGE = 200
PAGE = 100
LONGEST_NAME = 128
_LIST_PARAMETERS = frozenset({"after", "limit"})
_NO_STORE = {"Cache-Control": "no-store"}


class CampaignSettings(BaseModel):
    """Settings for all jobs of a campaign; those of a job take precedence."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)

    retry: RetryRules | None = Field(
        None, description="retry rules by failure class, over those of channel and settings"
    )


def read_settings(value: Any) -> CampaignSettings:
    """Return the settings in a body. Raises the 422 problem."""
    try:
        return CampaignSettings.model_validate(value)
    except ValidationError as error:
        rejection = rejection_of(error)
        raise Problem(422, rejection.code, rejection.message, errors=rejection.errors) from error


def patch_settings(retry: Mapping[str, Any] | None, change: CampaignSettings) -> CampaignSettings:
    """Apply a change to stored retry rules as JSON Merge Patch (RFC 7396): null removes a member.

    Raises the 422 problem if the result is invalid.
    """
    stored = {"retry": dict(retry or {})}
    return read_settings(_merge_patch(stored, change.model_dump(mode="json", exclude_unset=True)))


def _merge_patch(target: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    merged = {name: value for name, value in target.items() if patch.get(name, value) is not None}
    for name, value in patch.items():
        if isinstance(value, dict):
            merged[name] = _merge_patch(target.get(name) or {}, value)
        elif value is not None:
            merged[name] = value
    return merged


async def get_campaigns(request: Request) -> Response:
    """Return a page of the campaigns that have settings, by name."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    query = read_query(request, _LIST_PARAMETERS)
    limit = read_integer(query, "limit", default=PAGE, least=1, most=LONGEST_PAGE) or PAGE
    after = read_text(query, "after", longest=LONGEST_NAME)
    async with services.database.reading() as connection:
        rows = await list_campaigns(connection, caller.id, after=after, limit=limit + 1)
    page = [_serialize(row.name, row.retry, row.updated_at) for row in rows[:limit]]
    following = page[-1]["name"] if len(rows) > limit else None
    return JsonResponse({"data": page, "next": following}, headers=_NO_STORE)


async def get_campaign(request: Request) -> Response:
    """Return the settings of a campaign; a campaign exists once a job names it or it has settings."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    name = _name(request)
    async with services.database.reading() as connection:
        row = await find_campaign(connection, caller.id, name)
        if row is None and not await any_job_of(connection, caller.id, name):
            raise not_found(f"There is no campaign {name!r}: no job of yours names it, and nothing is set.")
    return JsonResponse(_serialize(name, row and row.retry, row and row.updated_at), headers=_NO_STORE)


async def put_campaign(request: Request) -> Response:
    """Replace the settings of a campaign; members that are not given are removed."""
    return await _save(request, patch=False)


async def patch_campaign(request: Request) -> Response:
    """Change the settings of a campaign; members that are not given stay, null removes one."""
    return await _save(request, patch=True)


async def _save(request: Request, *, patch: bool) -> Response:
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    name, at = _name(request), services.clock()
    settings = read_settings((await read_json(request, caller))[1])
    async with services.database.writing() as connection:
        if patch:
            row = await find_campaign(connection, caller.id, name, lock=True)
            settings = patch_settings(row and row.retry, settings)
        await _check_room(connection, services, caller, name)
        retry = settings.retry.to_json() if settings.retry else {}
        await save_campaign(connection, caller.id, name, retry=retry, at=at)
    return JsonResponse(_serialize(name, retry, at), headers=_NO_STORE)


async def _check_room(connection: AsyncConnection, services: ApiServices, caller: Caller, name: str) -> None:
    """Raise the 429 problem if a campaign would be one too many."""
    most = services.settings.campaigns
    await lock_submits(connection, caller.id)
    known = await find_campaign(connection, caller.id, name) is not None
    if not known and await count_campaigns(connection, caller.id) >= most:
        raise limit_reached("campaigns with settings", most, "campaigns")


def _name(request: Request) -> str:
    name: str = request.path_params["name"]
    if "\0" in name or not name.strip() or len(name) > LONGEST_NAME:
        raise invalid_field("name", f"must have 1 to {LONGEST_NAME} characters, not only blanks, and no NUL")
    return name


def _serialize(name: str, retry: dict[str, Any] | None, updated_at: datetime | None) -> dict[str, Any]:
    return {"object": "campaign", "name": name, "retry": retry or {}, "updated_at": moment(updated_at)}


class CampaignDocument(BaseModel):
    """Settings for all jobs of a campaign."""

    object: Literal["campaign"]
    name: str
    retry: RetryRules = Field(description="retry rules by failure class")
    updated_at: datetime | None = Field(description="null: the campaign has no settings yet")


class CampaignPageDocument(BaseModel):
    """A page of campaigns by name; pass ``next`` as ``after`` for the following page."""

    data: list[CampaignDocument]
    next: str | None


_CAMPAIGN = response(200, "The campaign.", schema_ref("CampaignDocument"))
_NAME = path_parameter("name", "Exact name of the campaign, as in its jobs.")
_BODY = {
    "schema": schema_ref("CampaignSettings"),
    "examples": {
        "patient": {"value": {"retry": {"no_image": {"attempts": 3}, "rate_limited": {"attempts": 200}}}}
    },
}


def add_routes(router: APIRouter) -> None:
    """Add the routes."""
    _add(
        router,
        "GET",
        get_campaigns,
        "List the campaigns that have settings",
        merge_responses(
            response(200, "A page of campaigns.", schema_ref("CampaignPageDocument")),
            problem_responses(401, 422),
        ),
        request_docs(
            query_parameter(
                "after", "Cursor: `next` of the previous page.", type="string", maxLength=LONGEST_NAME
            ),
            query_parameter(
                "limit", "Campaigns per page.", type="integer", minimum=1, maximum=LONGEST_PAGE, default=PAGE
            ),
        ),
        path="/v1/campaigns",
    )
    found = merge_responses(_CAMPAIGN, problem_responses(401, 404, 422))
    saved = merge_responses(_CAMPAIGN, problem_responses(400, 401, 413, 415, 422, 429))
    _add(router, "GET", get_campaign, "Get the settings of a campaign", found, request_docs(_NAME))
    for method, handler, summary in (
        ("PUT", put_campaign, "Replace the settings of a campaign"),
        ("PATCH", patch_campaign, "Change settings of a campaign; null removes one (RFC 7396)"),
    ):
        _add(router, method, handler, summary, saved, request_docs(_NAME, body=_BODY))


def _add(
    router: APIRouter,
    method: str,
    handler: Callable[[Request], Awaitable[Response]],
    summary: str,
    responses: Responses,
    documented: dict[str, Any],
    *,
    path: str = "/v1/campaigns/{name:path}",
) -> None:
    router.add_api_route(
        path,
        handler,
        methods=[method],
        tags=["campaigns"],
        summary=summary,
        responses=responses,
        openapi_extra=documented,
    )
