"""Deciding about held jobs: call again, or give up; one job or many."""

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from api.auth import authenticate
from api.jobs.held_jobs import (
    FAIL,
    RELEASE,
    HeldDecision,
    Selection,
    decide_by_filter,
    decide_by_id,
    read_reason,
    read_selection,
)
from api.jobs.reader import read_job
from api.rest.jobs import job_response, own_job
from api.rest.openapi.route_docs import (
    merge_responses,
    path_parameter,
    problem_responses,
    request_docs,
    response,
    schema_ref,
)
from api.services import services_of
from api.web.json_body import read_json
from api.web.responses import JsonResponse
from models.errors import Conflict


async def release_job(request: Request) -> Response:
    """Let a held job call again."""
    return await _one(request, RELEASE, "")


async def fail_job(request: Request) -> Response:
    """Give a held job up, for the reason in the body, if there is one."""
    value = (await read_json(request))[1] if await request.body() else {}
    return await _one(request, FAIL, read_reason(value))


async def release_jobs(request: Request) -> Response:
    """Let many held jobs call again."""
    return await _many(request, RELEASE)


async def fail_jobs(request: Request) -> Response:
    """Give many held jobs up."""
    return await _many(request, FAIL)


async def _one(request: Request, decision: HeldDecision, reason: str) -> Response:
    services, caller, job_id = await own_job(request)
    result = await decide_by_id(services, caller, [job_id], decision, reason)
    if result.refused:
        raise Conflict(result.refused[0]["message"])
    return job_response(request, await read_job(services, caller, job_id))


async def _many(request: Request, decision: HeldDecision) -> Response:
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    _, value = await read_json(request)
    chosen: Selection = read_selection(value, takes_reason=decision.takes_reason)
    if chosen.filter is not None:
        result = await decide_by_filter(services, caller, chosen.filter, decision, chosen.reason)
    else:
        result = await decide_by_id(
            services, caller, chosen.job_ids, decision, chosen.reason, unknown=chosen.unknown
        )
    return JsonResponse(result.to_json(), headers={"Cache-Control": "no-store"})


# The addresses under which held jobs are decided about.

_JOB = schema_ref("JobDocument")
_JOB_ID = path_parameter("job_id", "as it was given: job_…")
_RELEASE = {
    "schema": schema_ref("ReleaseRequest"),
    "examples": {
        "some": {"value": {"ids": ["job_01h455vb4pex5vsknk084sn02q"]}},
        "all of a campaign": {"value": {"filter": {"campaign": "night-1"}}},
    },
}
_FAIL = {
    "schema": schema_ref("FailRequest"),
    "examples": {
        "all that were lost": {
            "value": {"filter": {"error_code": "connection_lost"}, "reason": "made again elsewhere"}
        },
    },
}


class RefusedDocument(BaseModel):
    """A job that was left as it is, and why."""

    id: str
    code: str
    message: str


class DecisionResultDocument(BaseModel):
    """What became of a decision about many jobs."""

    changed: int
    unchanged: int = Field(description="were so already")
    refused: list[RefusedDocument]
    more: bool = Field(description="further jobs fit the filter: ask again")


def add_routes(router: APIRouter) -> None:
    """Add the routes."""
    _add_many(router)
    router.add_api_route(
        "/v1/jobs/{job_id}/release",
        release_job,
        methods=["POST"],
        tags=["held"],
        summary="Let a held job call again, although its last call may have been charged",
        responses=merge_responses(response(200, "The job, queued.", _JOB), problem_responses(401, 404, 409)),
        openapi_extra=request_docs(_JOB_ID),
    )
    router.add_api_route(
        "/v1/jobs/{job_id}/fail",
        fail_job,
        methods=["POST"],
        tags=["held"],
        summary="Give a held job up",
        responses=merge_responses(
            response(200, "The job, failed.", _JOB), problem_responses(400, 401, 404, 409, 413, 422)
        ),
        openapi_extra=request_docs(
            _JOB_ID, body={"schema": schema_ref("FailJobRequest")}, body_required=False
        ),
    )


def _add_many(router: APIRouter) -> None:
    done = response(200, "Each job once; nothing else is changed.", schema_ref("DecisionResultDocument"))
    router.add_api_route(
        "/v1/jobs/release",
        release_jobs,
        methods=["POST"],
        tags=["held"],
        summary="Let many held jobs call again: up to 1,000 by id, or all that fit a filter",
        responses=merge_responses(done, problem_responses(400, 401, 413, 422, 503)),
        openapi_extra=request_docs(body=_RELEASE),
    )
    router.add_api_route(
        "/v1/jobs/fail",
        fail_jobs,
        methods=["POST"],
        tags=["held"],
        summary="Give many held jobs up: up to 1,000 by id, or all that fit a filter",
        responses=merge_responses(done, problem_responses(400, 401, 413, 422, 503)),
        openapi_extra=request_docs(body=_FAIL),
    )
