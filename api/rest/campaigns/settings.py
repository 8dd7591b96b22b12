"""Campaigns by id or name: create, list, get, change, delete; settings of plain ones, by name."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Caller, authenticate
from api.campaigns.campaign_list import list_by_name, list_newest
from api.campaigns.control import change_campaign, check_room, create_campaign, delete_campaign
from api.campaigns.documents import campaign_document, unnamed_document
from api.campaigns.lookup import find_named
from api.jobs.validation import rejection_of
from api.rest.campaigns.routing import (
    CAMPAIGN,
    NAME,
    NO_STORE,
    ONE,
    ROOT,
    add_route,
    campaign_response,
    read_name,
)
from api.rest.campaigns.schemas import CampaignSettings
from api.rest.openapi.route_docs import (
    merge_responses,
    problem_responses,
    query_parameter,
    request_docs,
    response,
    schema_ref,
)
from api.rest.parameters import read_integer, read_query, read_text, read_words
from api.services import ApiServices, services_of
from api.web.json_body import read_json
from api.web.problems import Problem, invalid_field, not_found
from api.web.responses import JsonResponse
from models.campaigns.spec import LONGEST_NAME
from models.campaigns.status import CampaignStatus
from models.errors import Conflict
from models.queries.campaigns.campaigns import Campaign, adopt_plain
from models.queries.campaigns.settings import (
    any_job_of,
    find_campaign,
    save_campaign,
)

LONGEST_PAGE = 200
PAGE = 100
_ORDERS = ("name", "newest")
_LIST_PARAMETERS = frozenset({"after", "before", "limit", "order", "status"})


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
    """Return a page of campaigns: the caller's by name, or those in its scope, the newest first."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    query = read_query(request, _LIST_PARAMETERS)
    limit = read_integer(query, "limit", default=PAGE, least=1, most=LONGEST_PAGE) or PAGE
    after, before = (read_text(query, name, longest=LONGEST_NAME) for name in ("after", "before"))
    statuses = read_words(query, "status", known=[*CampaignStatus])
    orders = read_words(query, "order", known=_ORDERS)
    if len(orders) > 1:
        raise invalid_field("order", f"write one of {', '.join(_ORDERS)}")
    if "newest" not in orders:
        for name in ("before", "status"):
            if query.get(name):
                raise invalid_field(name, "needs order=newest")
        page = await list_by_name(services, caller, after=after, limit=limit)
    elif after is not None:
        raise invalid_field("after", "is the cursor of order=name; write before=ID of a campaign")
    else:
        wanted = [CampaignStatus(status) for status in statuses]
        page = await list_newest(services, caller, statuses=wanted, before=before, limit=limit)
    return JsonResponse({"data": page.documents, "next": page.following}, headers=NO_STORE)


async def post_campaign(request: Request) -> Response:
    """Create a planned campaign: a draft, to which rows are imported."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    campaign = await create_campaign(services, caller, (await read_json(request, caller))[1])
    return await campaign_response(services, campaign, 201)


async def get_campaign(request: Request) -> Response:
    """Return a campaign; it exists once it was created, a job names it, or it has settings."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    name = read_name(request)
    async with services.database.reading() as connection:
        campaign = await find_named(connection, caller, name)
        if campaign is not None:
            content = await campaign_document(services, connection, campaign)
        else:
            row = await find_campaign(connection, caller.id, name)
            if row is None and not await any_job_of(connection, caller.id, name):
                raise not_found(
                    f"There is no campaign {name!r}: no job of yours names it, and nothing is set."
                )
            content = unnamed_document(
                services, name, (row.retry if row else None) or {}, row.updated_at if row else None
            )
    return JsonResponse(content, headers=NO_STORE)


async def put_campaign(request: Request) -> Response:
    """Replace the settings of a plain campaign; members that are not given are removed."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    name = read_name(request)
    settings = read_settings((await read_json(request, caller))[1])
    campaign = await _find(services, caller, name)
    if campaign is not None and campaign.is_planned:
        raise Conflict("A planned campaign is changed by PATCH, not replaced.")
    return await _save(services, caller, campaign.name if campaign else name, settings, patch=False)


async def patch_campaign(request: Request) -> Response:
    """Change a campaign; members that are not given stay, null takes one back to its default."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    name = read_name(request)
    value = (await read_json(request, caller))[1]
    campaign = await _find(services, caller, name)
    if campaign is None or not campaign.is_planned:
        return await _save(
            services, caller, campaign.name if campaign else name, read_settings(value), patch=True
        )
    if not isinstance(value, dict):
        read_settings(value)
    change = dict(value)
    if "retry" in change:
        settings = patch_settings(campaign.retry, read_settings({"retry": change.pop("retry")}))
        stored = dict((campaign.spec or {}).get("defaults") or {})
        given = dict(change.get("defaults") or {}) if isinstance(change.get("defaults"), dict) else {}
        retry = settings.retry.to_json() if settings.retry else None
        change["defaults"] = {**stored, **given, "retry": retry}
    return await campaign_response(services, await change_campaign(services, caller, name, change))


async def delete_draft(request: Request) -> Response:
    """Delete a draft with its rows."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    await delete_campaign(services, caller, read_name(request))
    return Response(status_code=204)


async def _find(services: ApiServices, caller: Caller, name: str) -> Campaign | None:
    async with services.database.reading() as connection:
        return await find_named(connection, caller, name)


async def _save(
    services: ApiServices, caller: Caller, name: str, settings: CampaignSettings, *, patch: bool
) -> Response:
    at = services.clock()
    async with services.database.writing() as connection:
        await check_room(connection, services, caller, name)
        if patch:
            row = await find_campaign(connection, caller.id, name, lock=True)
            settings = patch_settings(row and row.retry, settings)
        retry = settings.retry.to_json() if settings.retry else {}
        await save_campaign(connection, caller.id, name, retry=retry, at=at)
        await adopt_plain(connection, caller.id, name, at)
        saved = await find_named(connection, caller, name)
    if saved is None:
        raise not_found(f"There is no campaign {name!r} any more.")
    return await campaign_response(services, saved)


_BODY = {
    "schema": schema_ref("CampaignSettings"),
    "examples": {
        "patient": {"value": {"retry": {"no_image": {"attempts": 3}, "rate_limited": {"attempts": 200}}}}
    },
}
_DEFINITION = {
    "schema": schema_ref("CampaignSpec"),
    "examples": {
        "sheet": {
            "value": {
                "name": "spring",
                "model": "gpt-4o-image",
                "template": {"prompt": "A photo of {product} in {colour|white}"},
                "canary": {"items": 20},
            }
        }
    },
}


def add_routes(router: APIRouter) -> None:
    """Add the routes; those of a single campaign match any path, and come last."""
    page = response(200, "A page of campaigns.", schema_ref("CampaignPageDocument"))
    add_route(
        router,
        "GET",
        ROOT,
        get_campaigns,
        "List the campaigns that are planned, have settings, or are named by jobs",
        merge_responses(page, problem_responses(401, 422)),
        request_docs(
            query_parameter(
                "after",
                "Cursor: `next` of the previous page, by name.",
                type="string",
                maxLength=LONGEST_NAME,
            ),
            query_parameter(
                "order",
                "`newest`: those that have an id, the newest first; for all but users' keys, of all callers.",
                type="string",
                enum=[*_ORDERS],
                default=_ORDERS[0],
            ),
            query_parameter("before", "Cursor: `next` of the previous page, newest first.", type="string"),
            query_parameter("status", "With `order=newest`: statuses, with commas between.", type="string"),
            query_parameter(
                "limit", "Campaigns per page.", type="integer", minimum=1, maximum=LONGEST_PAGE, default=PAGE
            ),
        ),
    )
    made = response(201, "The draft.", schema_ref("CampaignDocument"))
    add_route(
        router,
        "POST",
        ROOT,
        post_campaign,
        "Create a planned campaign",
        merge_responses(made, problem_responses(400, 401, 409, 413, 415, 422, 429)),
        request_docs(body=_DEFINITION),
    )
    found = merge_responses(CAMPAIGN, problem_responses(401, 404, 422))
    saved = merge_responses(CAMPAIGN, problem_responses(400, 401, 404, 409, 413, 415, 422, 429))
    gone = merge_responses(response(204, "It is deleted.", None), problem_responses(401, 404, 409, 422))
    add_route(router, "GET", ONE, get_campaign, "Get a campaign", found, request_docs(NAME))
    for method, handler, summary in (
        ("PUT", put_campaign, "Replace the settings of a plain campaign"),
        (
            "PATCH",
            patch_campaign,
            "Change a campaign, or settings of a plain one; null removes one (RFC 7396)",
        ),
    ):
        add_route(router, method, ONE, handler, summary, saved, request_docs(NAME, body=_BODY))
    add_route(router, "DELETE", ONE, delete_draft, "Delete a draft", gone, request_docs(NAME))
