"""The addresses under which held jobs are decided about."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from api.rest.held_jobs import fail_job, fail_jobs, release_job, release_jobs
from api.rest.openapi.route_docs import answers, extra, merged, path, problems, reference

_JOB = reference("JobDocument")
_JOB_ID = path("job_id", "as it was given: job_…")
_RELEASE = {
    "schema": reference("Releasing"),
    "examples": {
        "some": {"value": {"ids": ["job_01h455vb4pex5vsknk084sn02q"]}},
        "all of a campaign": {"value": {"filter": {"campaign": "night-1"}}},
    },
}
_FAIL = {
    "schema": reference("Failing"),
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


class DecidedDocument(BaseModel):
    """What became of a decision about many jobs."""

    changed: int
    unchanged: int = Field(description="were so already")
    refused: list[RefusedDocument]
    more: bool = Field(description="further jobs fit the filter: ask again")


def add_held(router: APIRouter) -> None:
    """Add the routes."""
    _add_many(router)
    router.add_api_route(
        "/v1/jobs/{job_id}/release",
        release_job,
        methods=["POST"],
        tags=["held"],
        summary="Let a held job call again, although its last call may have been charged",
        responses=merged(answers(200, "The job, queued.", _JOB), problems(401, 404, 409)),
        openapi_extra=extra(_JOB_ID),
    )
    router.add_api_route(
        "/v1/jobs/{job_id}/fail",
        fail_job,
        methods=["POST"],
        tags=["held"],
        summary="Give a held job up",
        responses=merged(answers(200, "The job, failed.", _JOB), problems(400, 401, 404, 409, 413, 422)),
        openapi_extra=extra(_JOB_ID, body={"schema": reference("FailingOne")}, body_required=False),
    )


def _add_many(router: APIRouter) -> None:
    done = answers(200, "Each job once; nothing else is changed.", reference("DecidedDocument"))
    router.add_api_route(
        "/v1/jobs/release",
        release_jobs,
        methods=["POST"],
        tags=["held"],
        summary="Let many held jobs call again: up to 1,000 by id, or all that fit a filter",
        responses=merged(done, problems(400, 401, 413, 422, 503)),
        openapi_extra=extra(body=_RELEASE),
    )
    router.add_api_route(
        "/v1/jobs/fail",
        fail_jobs,
        methods=["POST"],
        tags=["held"],
        summary="Give many held jobs up: up to 1,000 by id, or all that fit a filter",
        responses=merged(done, problems(400, 401, 413, 422, 503)),
        openapi_extra=extra(body=_FAIL),
    )
