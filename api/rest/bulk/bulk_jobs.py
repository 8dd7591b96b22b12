"""POST /v1/jobs/retry, /cancel and /delete: change many jobs by ids or a filter, after a dry run."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Caller, authenticate
from api.jobs.selection.bulk_actions import JOBS_PER_REQUEST, BulkRequest, apply_bulk
from api.jobs.selection.job_conditions import (
    IDS_PER_REQUEST,
    AnyJobs,
    find_filter,
    problem_of_validation,
    read_job_ids,
)
from api.rest.openapi.route_docs import merge_responses, problem_responses, request_docs, response, schema_ref
from api.services import ApiServices, services_of
from api.web.json_body import read_json
from api.web.responses import JsonResponse
from models.queries.selection.job_filter import JobFilter
from worker.bulk.job_changes import CANCEL, DELETE, RETRY, SKIPPED, JobChange

_INT64 = 2**63 - 1


class JobSelection(BaseModel):
    """Jobs to change: exactly one of ``ids`` and ``filter``."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)

    ids: list[str] | None = Field(
        None, min_length=1, max_length=IDS_PER_REQUEST, description="job ids: job_…"
    )
    filter: AnyJobs | None = None
    dry_run: bool = Field(False, description="change nothing; only say what would change")
    expected_count: int | None = Field(
        None, ge=0, le=_INT64, description="change nothing unless so many jobs would change"
    )

    @model_validator(mode="after")
    def _either(self) -> "JobSelection":
        if (self.ids is None) == (self.filter is None):
            raise ValueError("give either ids or filter")
        return self

    async def to_request(self, services: ApiServices, caller: Caller) -> BulkRequest:
        """Return the request. Raises the 422 problem."""
        more: dict[str, Any] = {"dry_run": self.dry_run, "expected_count": self.expected_count}
        if self.filter is not None:
            wanted = await find_filter(services, caller, self.filter, "filter.")
            return BulkRequest(wanted=wanted, caller=self.filter.caller, **more)
        job_ids, unknown = await read_job_ids(services.database, caller, self.ids or ())
        return BulkRequest(wanted=JobFilter(ids=job_ids, with_parts=True), unknown=unknown, **more)


class RetrySelection(JobSelection):
    """Jobs to retry: exactly one of ``ids`` and ``filter``."""

    may_pay_twice: bool = Field(
        False,
        description="also jobs that succeeded, and jobs that are held because a call may have been charged",
    )

    async def to_request(self, services: ApiServices, caller: Caller) -> BulkRequest:
        """Return the request. Raises the 422 problem."""
        return replace(await super().to_request(services, caller), may_pay_twice=self.may_pay_twice)


async def retry_jobs(request: Request) -> Response:
    """Queue many jobs again."""
    return await _change_many(request, RETRY, RetrySelection)


async def cancel_jobs(request: Request) -> Response:
    """Cancel many jobs."""
    return await _change_many(request, CANCEL, JobSelection)


async def delete_jobs(request: Request) -> Response:
    """Delete many jobs that ended."""
    return await _change_many(request, DELETE, JobSelection)


async def _change_many(request: Request, action: JobChange, schema: type[JobSelection]) -> Response:
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    _, value = await read_json(request, caller)
    try:
        given = schema.model_validate(value)
    except ValidationError as error:
        raise problem_of_validation(error) from error
    wanted = await given.to_request(services, caller)
    result = await apply_bulk(services, caller, action, wanted)
    return JsonResponse(result.to_json(), headers={"Cache-Control": "no-store"})


class SkippedDocument(BaseModel):
    """Jobs that are not changed for one reason."""

    reason: str = Field(description=f"one of {', '.join(SKIPPED)}")
    message: str
    count: int
    samples: list[str] = Field(description="ids of a few of them")


class BulkResultDocument(BaseModel):
    """Result of a request that changes many jobs, or of its dry run."""

    action: str
    dry_run: bool
    matched: int = Field(description="jobs that the ids or the filter choose")
    eligible: int = Field(description="those of them whose state allows the change")
    changed: int
    skipped: list[SkippedDocument]
    samples: list[str] = Field(description="ids of a few eligible jobs")
    more: bool = Field(description="further jobs are eligible: send the request again")


def add_routes(router: APIRouter) -> None:
    """Add the routes."""
    _add(router, "retry", retry_jobs, "Retry many finished or held jobs", "RetrySelection")
    _add(router, "cancel", cancel_jobs, "Cancel many jobs", "JobSelection")
    _add(
        router,
        "delete",
        delete_jobs,
        "Delete many ended jobs with their attempts, events and images; they are 404 afterwards",
        "JobSelection",
    )


def _add(
    router: APIRouter, verb: str, handler: Callable[[Request], Awaitable[Response]], summary: str, schema: str
) -> None:
    examples = {
        "by id": {"value": {"ids": ["job_01h455vb4pex5vsknk084sn02q"]}},
        "what would change": {"value": {"filter": {"campaign": "night-1"}, "dry_run": True}},
        "just these": {"value": {"filter": {"campaign": "night-1"}, "expected_count": 40}},
    }
    router.add_api_route(
        f"/v1/jobs/{verb}",
        handler,
        methods=["POST"],
        tags=["jobs"],
        summary=f"{summary}: up to {IDS_PER_REQUEST:,} by id, {JOBS_PER_REQUEST:,} by a filter",
        responses=merge_responses(
            response(200, "What was changed, and why the others were not.", schema_ref("BulkResultDocument")),
            problem_responses(400, 401, 403, 409, 413, 422, 503),
        ),
        openapi_extra=request_docs(body={"schema": schema_ref(schema), "examples": examples}),
    )
