"""Groups of equal errors: list them, and note that one is resolved or ignored."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from api.access.audit import describe_change
from api.access.roles import check_sees_all
from api.auth import authenticate
from api.jobs.selection.failures import IGNORED, RESOLVED, FailureGroup, read_groups
from api.rest.openapi.route_docs import (
    merge_responses,
    path_parameter,
    problem_responses,
    request_docs,
    response,
    schema_ref,
)
from api.services import services_of
from api.web.responses import JsonResponse
from models.api_keys import Role
from models.clock import rfc3339
from models.errors import NotFound
from models.ids import public_id
from models.queries.dashboard.errors import decide

_NO_STORE = {"Cache-Control": "no-store"}
_VERBS = {"resolve": RESOLVED, "ignore": IGNORED, "reopen": None}


def error_view(group: FailureGroup) -> dict[str, Any]:
    """Return a group as JSON."""
    return {
        "object": "error",
        "fingerprint": group.fingerprint,
        "state": group.state,
        "stage": group.stage,
        "channel": group.channel,
        "model": group.model,
        "code": group.code,
        "words": group.words,
        "counts": {f"{hours}h": count for hours, count in group.counts.items()},
        "first": rfc3339(group.first),
        "last": rfc3339(group.last),
        "failed_jobs": len(group.failed_ids),
        "samples": [public_id("job", job_id) for job_id in group.job_ids[:5]],
    }


async def list_errors(request: Request) -> Response:
    """Return the groups of failed calls of seven days, the most frequent of the last day first."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    groups = await read_groups(services, caller.scope)
    return JsonResponse({"data": [error_view(group) for group in groups]}, headers=_NO_STORE)


def _decider(verb: str) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        return await _decide(request, _VERBS[verb])

    handle.__name__ = f"{verb}_error"
    return handle


async def _decide(request: Request, decision: str | None) -> Response:
    """Note a decision about a group of errors, for all who see it."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    check_sees_all(caller.role, Role.OPERATOR)
    fingerprint = request.path_params["fingerprint"]
    groups = {group.fingerprint: group for group in await read_groups(services, caller.scope)}
    if fingerprint not in groups:
        raise NotFound(f"There is no error {fingerprint[:64]!r} in the last seven days.")
    before = groups[fingerprint].state
    async with services.database.writing() as connection:
        await decide(connection, fingerprint, decision, by=caller.by, at=services.clock())
        after = {"state": decision or "open"}
        describe_change(target=fingerprint, count=1, before={"state": before}, after=after)
    found = {group.fingerprint: group for group in await read_groups(services, caller.scope)}
    return JsonResponse(error_view(found[fingerprint]), headers=_NO_STORE)


class ErrorDocument(BaseModel):
    """Failed calls that are one error: of one stage, channel, model and code, with the same words."""

    object: str
    fingerprint: str
    state: str = Field(description="open, resolved (until it occurs again) or ignored")
    stage: str
    channel: str
    model: str
    code: str
    words: str = Field(description="what the provider said, without numbers and ids")
    counts: dict[str, int] = Field(description="failed calls by window: 1h, 3h, 24h, 72h, 168h")
    first: str
    last: str
    failed_jobs: int = Field(description="jobs among them that failed, and are failed now")
    samples: list[str]


class ErrorPageDocument(BaseModel):
    """Groups of errors."""

    data: list[ErrorDocument]


def add_routes(router: APIRouter) -> None:
    """Add the routes."""
    router.add_api_route(
        "/v1/errors",
        list_errors,
        methods=["GET"],
        tags=["operations"],
        summary="List the failed calls of seven days, grouped by equal errors",
        responses=merge_responses(
            response(200, "The groups.", schema_ref("ErrorPageDocument")), problem_responses(401)
        ),
        openapi_extra=request_docs(),
    )
    for verb, summary in (
        ("resolve", "Note that a group of errors is resolved, until it occurs again (operators)"),
        ("ignore", "Ignore a group of errors (operators)"),
        ("reopen", "Forget a decision about a group of errors (operators)"),
    ):
        router.add_api_route(
            f"/v1/errors/{{fingerprint}}/{verb}",
            _decider(verb),
            methods=["POST"],
            tags=["operations"],
            summary=summary,
            responses=merge_responses(
                response(200, "The group.", schema_ref("ErrorDocument")), problem_responses(401, 403, 404)
            ),
            openapi_extra=request_docs(path_parameter("fingerprint", "Of the group.")),
        )
