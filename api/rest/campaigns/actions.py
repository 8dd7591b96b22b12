"""Bulk actions on items: get one, list them, abort one."""

from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from api.auth import authenticate
from api.campaigns.bulk_actions import abort_action, get_action, list_page
from api.rest.campaigns.routing import NO_STORE, add_route
from api.rest.openapi.route_docs import (
    comma_separated,
    merge_responses,
    path_parameter,
    problem_responses,
    query_parameter,
    request_docs,
    response,
    schema_ref,
)
from api.rest.parameters import read_integer, read_query, read_text, read_words
from api.services import services_of
from api.web.problems import invalid_field
from api.web.responses import JsonResponse
from models.campaigns.actions import ActionKind, ActionStatus
from models.campaigns.spec import LONGEST_NAME
from models.errors import NotFound
from models.ids import parse_id

ROOT = "/v1/actions"
PAGE, LONGEST_PAGE = 60, 200
_PARAMETERS = frozenset({"campaign", "status", "kind", "before", "limit"})


class SkippedItemsDocument(BaseModel):
    """Items that an action leaves for one reason."""

    reason: str
    message: str
    count: int
    samples: list[str] = Field(description="ids of a few of them")


class ActionDocument(BaseModel):
    """A bulk action on items of a campaign; with ``dry_run`` what it would do."""

    id: str | None = Field(description="null: a dry run")
    object: Literal["action"]
    kind: ActionKind
    campaign: str
    status: ActionStatus | Literal["dry_run"]
    dry_run: bool
    parameters: dict[str, Any]
    filter: dict[str, Any] | None = Field(description="null: items were listed")
    by: str = Field(description="name of the caller whose key began it")
    eligible: int = Field(description="items that it is for; `expected_count` of the real request")
    done: int = Field(description="items that got what the action is for")
    failed: int = Field(description="items that were eligible and could not get it; reasons in `skipped`")
    pending: int = Field(description="items that no worker has gone through yet")
    skipped: list[SkippedItemsDocument]
    samples: list[dict[str, Any]] = Field(description="of eligible items: what their next takes ask for")
    may_pay_twice: int = Field(description="eligible items whose last take was charged, or may have been")
    cost: dict[str, Any] = Field(description="estimate of all its calls")
    detail: str | None = Field(description="why it was aborted")
    created_at: datetime | None
    updated_at: datetime | None
    finished_at: datetime | None
    undone_at: datetime | None = Field(description="of verdicts that were undone")


class ActionPageDocument(BaseModel):
    """A page of actions, newest first; pass ``next`` as ``before`` for the following page."""

    data: list[ActionDocument]
    next: str | None


async def get_one(request: Request) -> Response:
    """Return an action with its progress."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    found = await get_action(services, caller, request.path_params["action_id"])
    return JsonResponse(found, headers=NO_STORE)


async def get_page(request: Request) -> Response:
    """Return a page of actions, newest first."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    query = read_query(request, _PARAMETERS)
    limit = read_integer(query, "limit", default=PAGE, least=1, most=LONGEST_PAGE) or PAGE
    statuses = read_words(query, "status", known=list(ActionStatus))
    kinds = read_words(query, "kind", known=list(ActionKind))
    before = read_text(query, "before", longest=64)
    try:
        key = parse_id("action", before) if before else None
    except NotFound as error:
        raise invalid_field("before", "must be `next` of the page before") from error
    campaign = read_text(query, "campaign", longest=LONGEST_NAME)
    found = await list_page(
        services, caller, campaign=campaign, statuses=statuses, kinds=kinds, before=key, limit=limit + 1
    )
    following = found[limit - 1]["id"] if len(found) > limit else None
    return JsonResponse({"data": found[:limit], "next": following}, headers=NO_STORE)


async def abort_one(request: Request) -> Response:
    """Abort a running action; what it did stays."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    ended = await abort_action(services, caller, request.path_params["action_id"])
    return JsonResponse(ended, headers=NO_STORE)


def add_routes(router: APIRouter) -> None:
    """Add the routes."""
    action_id = path_parameter("action_id", "Id of the action: action_…, or a unique beginning of it.")
    one = merge_responses(
        response(200, "The action.", schema_ref("ActionDocument")), problem_responses(401, 404, 422)
    )
    page = merge_responses(
        response(200, "A page of actions.", schema_ref("ActionPageDocument")),
        problem_responses(401, 404, 422),
    )
    add_route(
        router,
        "GET",
        ROOT,
        get_page,
        "List bulk actions on items",
        page,
        request_docs(
            query_parameter("campaign", "Id or name of a campaign.", type="string", maxLength=LONGEST_NAME),
            query_parameter(
                "status",
                f"Only actions in these states: {comma_separated(list(ActionStatus))}.",
                type="string",
            ),
            query_parameter(
                "kind", f"Only of these kinds: {comma_separated(list(ActionKind))}.", type="string"
            ),
            query_parameter("before", "Cursor: `next` of the previous page.", type="string", maxLength=64),
            query_parameter(
                "limit", "Actions per page.", type="integer", minimum=1, maximum=LONGEST_PAGE, default=PAGE
            ),
        ),
    )
    add_route(
        router, "GET", f"{ROOT}/{{action_id}}", get_one, "Get a bulk action", one, request_docs(action_id)
    )
    add_route(
        router,
        "POST",
        f"{ROOT}/{{action_id}}/abort",
        abort_one,
        "Abort a bulk action: what it did stays",
        merge_responses(one, problem_responses(409)),
        request_docs(action_id),
    )
