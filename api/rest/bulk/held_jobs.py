"""Release or fail held jobs, one or many."""

from collections.abc import Awaitable, Callable

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from api.auth import authenticate
from api.jobs.reader import read_job
from api.jobs.selection.held_jobs import (
    FAIL,
    IDS_PER_REQUEST,
    RELEASE,
    HeldDecision,
    decide_by_filter,
    decide_by_id,
    read_reason,
    read_selection,
)
from api.rest.jobs import JOB_ID, job_in_scope, job_response
from api.rest.openapi.route_docs import merge_responses, problem_responses, request_docs, response, schema_ref
from api.services import services_of
from api.web.json_body import read_json
from api.web.responses import JsonResponse
from models.errors import Conflict


async def release_job(request: Request) -> Response:
    """Queue a held job again."""
    return await _decide_one(request, RELEASE, "")


async def fail_job(request: Request) -> Response:
    """Fail a held job, with the reason in the optional body."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    _, value = await read_json(request, caller, optional=True)
    return await _decide_one(request, FAIL, read_reason(value))


async def release_jobs(request: Request) -> Response:
    """Queue many held jobs again."""
    return await _decide_many(request, RELEASE)


async def fail_jobs(request: Request) -> Response:
    """Fail many held jobs."""
    return await _decide_many(request, FAIL)


async def _decide_one(request: Request, decision: HeldDecision, reason: str) -> Response:
    services, caller, job = await job_in_scope(request)
    result = await decide_by_id(services, caller, [job.id], decision, reason)
    if result.refused:
        raise Conflict(result.refused[0]["message"])
    return job_response(request, await read_job(services, caller, job.id))


async def _decide_many(request: Request, decision: HeldDecision) -> Response:
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    _, value = await read_json(request, caller)
    selection = await read_selection(services, caller, value, takes_reason=decision.takes_reason)
    if selection.filter is not None:
        result = await decide_by_filter(
            services, caller, selection.filter, decision, selection.reason, of=selection.caller
        )
    else:
        result = await decide_by_id(
            services, caller, selection.job_ids, decision, selection.reason, unknown=selection.unknown
        )
    return JsonResponse(result.to_json(), headers={"Cache-Control": "no-store"})


class RefusedDocument(BaseModel):
    """A job that was not changed, and why."""

    id: str
    code: str
    message: str


class DecisionResultDocument(BaseModel):
    """Result of releasing or failing many jobs."""

    changed: int = Field(description="number of jobs released or failed")
    unchanged: int = Field(description="number of jobs that were in the wanted state already")
    refused: list[RefusedDocument]
    more: bool = Field(description="further jobs match the filter: send the request again")


_JOB = schema_ref("JobDocument")
_RELEASE_BODY = {
    "schema": schema_ref("ReleaseRequest"),
    "examples": {
        "some": {"value": {"ids": ["job_01h455vb4pex5vsknk084sn02q"]}},
        "all of a campaign": {"value": {"filter": {"campaign": "night-1"}}},
    },
}
_FAIL_BODY = {
    "schema": schema_ref("FailRequest"),
    "examples": {
        "all with a lost connection": {
            "value": {"filter": {"error_code": "connection_lost"}, "reason": "made again elsewhere"}
        },
    },
}


def add_routes(router: APIRouter) -> None:
    """Add the routes."""
    chosen = f"up to {IDS_PER_REQUEST:,} by id, or all that match a filter"
    _add_many(router, "release", release_jobs, f"Release many held jobs: {chosen}", _RELEASE_BODY)
    _add_many(router, "fail", fail_jobs, f"Fail many held jobs: {chosen}", _FAIL_BODY)
    router.add_api_route(
        "/v1/jobs/{job_id}/release",
        release_job,
        methods=["POST"],
        tags=["held jobs"],
        summary="Release a held job: queue it again, although its last call may have been charged",
        responses=merge_responses(
            response(200, "The job, queued.", _JOB), problem_responses(401, 404, 409, 422)
        ),
        openapi_extra=request_docs(JOB_ID),
    )
    router.add_api_route(
        "/v1/jobs/{job_id}/fail",
        fail_job,
        methods=["POST"],
        tags=["held jobs"],
        summary="Fail a held job",
        responses=merge_responses(
            response(200, "The job, failed.", _JOB), problem_responses(400, 401, 404, 409, 413, 415, 422)
        ),
        openapi_extra=request_docs(
            JOB_ID, body={"schema": schema_ref("FailJobRequest")}, body_required=False
        ),
    )


def _add_many(
    router: APIRouter,
    verb: str,
    handler: Callable[[Request], Awaitable[Response]],
    summary: str,
    body: dict[str, object],
) -> None:
    router.add_api_route(
        f"/v1/jobs/{verb}",
        handler,
        methods=["POST"],
        tags=["held jobs"],
        summary=summary,
        responses=merge_responses(
            response(
                200,
                "Counts of changed and unchanged jobs, and a reason for each refused one.",
                schema_ref("DecisionResultDocument"),
            ),
            problem_responses(400, 401, 413, 415, 422, 503),
        ),
        openapi_extra=request_docs(body=body),
    )
