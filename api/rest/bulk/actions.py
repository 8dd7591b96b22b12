"""Bulk actions on jobs and on items: begin one on jobs; get one, list them, abort one."""

from datetime import datetime
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from api.auth import authenticate
from api.campaigns import bulk_actions
from api.jobs.selection import job_actions
from api.jobs.selection.job_actions import JOBS_PER_ACTION, TOLERANCE
from api.jobs.selection.job_conditions import problem_of_validation
from api.rest.bulk.bulk_jobs import RetrySelection
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
from api.web.json_body import read_json
from api.web.problems import invalid_field
from api.web.responses import JsonResponse
from models.campaigns.actions import ActionKind, ActionStatus
from models.campaigns.spec import LONGEST_NAME
from models.errors import NotFound
from models.ids import parse_id
from worker.bulk.job_changes import CHANGES

ROOT = "/v1/actions"
PAGE, LONGEST_PAGE = 60, 200
_KINDS = tuple(dict.fromkeys((*ActionKind, *CHANGES)))
_PARAMETERS = frozenset({"campaign", "status", "kind", "before", "limit"})


class ActionRequest(RetrySelection):
    """A bulk action on jobs: exactly one of ``ids`` and ``filter``. A real one needs ``expected_count``."""

    kind: Literal["retry", "cancel", "delete"]
    expected_count: int | None = Field(
        None,
        ge=0,
        le=2**63 - 1,
        description=f"`eligible` of the dry run; nothing changes if it differs by more than {TOLERANCE:.0%}",
    )


class SkippedItemsDocument(BaseModel):
    """Jobs or items that an action leaves for one reason."""

    reason: str
    message: str
    count: int
    samples: list[str] = Field(description="ids of a few of them")


class ActionDocument(BaseModel):
    """A bulk action on jobs, or on items of a campaign; with ``dry_run`` what it would do."""

    id: str | None = Field(description="null: a dry run")
    object: Literal["action"]
    of: Literal["jobs", "items"]
    kind: Literal["retry", "cancel", "delete", "reroll", "verdict"]
    campaign: str | None = Field(description="null: of jobs")
    campaign_id: str | None = Field(description="null: of jobs")
    status: ActionStatus | Literal["dry_run"]
    dry_run: bool
    parameters: dict[str, Any]
    filter: dict[str, Any] | None = Field(description="null: ids were listed")
    by: str = Field(description="name of the caller whose key began it")
    eligible: int = Field(description="jobs or items that it is for; `expected_count` of the real request")
    done: int = Field(description="those that got what the action is for")
    failed: int = Field(description="those that were eligible and could not get it; reasons in `skipped`")
    pending: int = Field(description="those that no worker has gone through yet")
    skipped: list[SkippedItemsDocument]
    samples: list[dict[str, Any]] = Field(
        description="of eligible jobs or items: what their next calls ask for"
    )
    may_pay_twice: int = Field(description="eligible ones whose last call was charged, or may have been")
    cost: dict[str, Any] | None = Field(description="estimate of all its calls; null: it makes none")
    detail: str | None = Field(description="why it was aborted")
    created_at: datetime | None
    updated_at: datetime | None
    finished_at: datetime | None
    undone_at: datetime | None = Field(description="of verdicts that were undone")


class ActionPageDocument(BaseModel):
    """A page of actions, newest first; pass ``next`` as ``before`` for the following page."""

    data: list[ActionDocument]
    next: str | None


async def post_action(request: Request) -> Response:
    """Begin an action on jobs, or say what it would do."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    _, value = await read_json(request, caller)
    try:
        given = ActionRequest.model_validate(value)
    except ValidationError as error:
        raise problem_of_validation(error) from error
    if given.filter is not None and not given.filter.model_dump(exclude_defaults=True):
        raise invalid_field("filter", "has no condition: it would choose every job; name at least a status")
    wanted = await given.to_request(services, caller)
    content = await job_actions.run_action(services, caller, CHANGES[given.kind], wanted)
    headers = NO_STORE if content["id"] is None else NO_STORE | {"Location": f"{ROOT}/{content['id']}"}
    return JsonResponse(content, 200 if content["id"] is None else 202, headers=headers)


async def get_one(request: Request) -> Response:
    """Return an action with its progress."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    text: str = request.path_params["action_id"]
    found = await job_actions.get_action(services, caller, text)
    return JsonResponse(found or await bulk_actions.get_action(services, caller, text), headers=NO_STORE)


async def get_page(request: Request) -> Response:
    """Return a page of actions, newest first."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    query = read_query(request, _PARAMETERS)
    limit = read_integer(query, "limit", default=PAGE, least=1, most=LONGEST_PAGE) or PAGE
    statuses = read_words(query, "status", known=list(ActionStatus))
    kinds = read_words(query, "kind", known=_KINDS)
    before = read_text(query, "before", longest=64)
    try:
        key = parse_id("action", before) if before else None
    except NotFound as error:
        raise invalid_field("before", "must be `next` of the page before") from error
    campaign = read_text(query, "campaign", longest=LONGEST_NAME)
    found = await bulk_actions.list_page(
        services, caller, campaign=campaign, statuses=statuses, kinds=kinds, before=key, limit=limit + 1
    )
    if campaign is None:
        found += await job_actions.list_page(
            services, caller, statuses=statuses, kinds=kinds, before=key, limit=limit + 1
        )
        found = sorted(found, key=lambda each: str(each["id"]), reverse=True)[: limit + 1]
    following = found[limit - 1]["id"] if len(found) > limit else None
    return JsonResponse({"data": found[:limit], "next": following}, headers=NO_STORE)


async def abort_one(request: Request) -> Response:
    """Abort a running action; what it did stays."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    text: str = request.path_params["action_id"]
    of_jobs = await job_actions.get_action(services, caller, text) is not None
    abort = job_actions.abort_action if of_jobs else bulk_actions.abort_action
    ended = await abort(services, caller, text)
    return JsonResponse(ended, headers=NO_STORE)


_EXAMPLES = {
    "what would change": {
        "value": {"kind": "retry", "filter": {"status": ["failed"]}, "dry_run": True},
    },
    "all that match": {
        "value": {"kind": "retry", "filter": {"status": ["failed"]}, "expected_count": 344},
    },
    "some": {"value": {"kind": "cancel", "ids": ["job_01h455vb4pex5vsknk084sn02q"], "expected_count": 1}},
}
_LIST_DOCS = (
    query_parameter("campaign", "Id or name of a campaign.", type="string", maxLength=LONGEST_NAME),
    query_parameter(
        "status",
        f"Only actions in these states: {comma_separated(list(ActionStatus))}.",
        type="string",
    ),
    query_parameter("kind", f"Only of these kinds: {comma_separated(list(_KINDS))}.", type="string"),
    query_parameter("before", "Cursor: `next` of the previous page.", type="string", maxLength=64),
    query_parameter(
        "limit", "Actions per page.", type="integer", minimum=1, maximum=LONGEST_PAGE, default=PAGE
    ),
)


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
        "POST",
        ROOT,
        post_action,
        f"Retry, cancel or delete up to {JOBS_PER_ACTION:,} jobs, while one looks",
        merge_responses(
            response(200, "What the action would do.", schema_ref("ActionDocument")),
            response(202, "The action; workers go through its jobs.", schema_ref("ActionDocument")),
            problem_responses(400, 401, 403, 409, 413, 422, 503),
        ),
        request_docs(body={"schema": schema_ref("ActionRequest"), "examples": _EXAMPLES}),
    )
    add_route(
        router,
        "GET",
        ROOT,
        get_page,
        "List bulk actions on jobs and items",
        page,
        request_docs(*_LIST_DOCS),
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
