"""Retention of one job: when what belongs to it is deleted, by which rule; and that it is kept."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from api.access.audit import describe_change
from api.auth import authenticate_reader
from api.jobs.reader import read_job
from api.jobs.selection.job_conditions import problem_of_validation
from api.rest.jobs import JOB_ID, job_in_scope
from api.rest.openapi.route_docs import (
    add_operation,
    merge_responses,
    problem_responses,
    request_docs,
    response,
    schema_ref,
)
from api.rest.parameters import read_path_id
from api.services import ApiServices, services_of
from api.web.json_body import read_json
from api.web.responses import JsonResponse
from models.errors import NotFound
from models.ids import public_id
from models.operations.retention import RetentionKind, RuleOwner, retention_view, rules_of
from models.queries.operations.ended_jobs import find_retention, set_keep

_PATH = "/v1/jobs/{job_id}/retention"


class KeepRequest(BaseModel):
    """Whether a job is kept."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)

    keep: bool = Field(description="true: retention deletes nothing of the job; false: by its rules again")


class DeletionDocument(BaseModel):
    """When one kind of what belongs to a job is deleted."""

    kind: RetentionKind
    seconds: float | None = Field(description="period, from the end of the job; null: it is never deleted")
    deleted_with: RetentionKind = Field(description="its own kind, or that with which it is deleted earlier")
    rule: RuleOwner = Field(description="whose rule that is; job: the job is kept")
    due_at: datetime | None = Field(description="null: never, or the job has not ended")


class RetentionDocument(BaseModel):
    """When what belongs to a job is deleted."""

    job: str
    keep: bool
    ended_at: datetime | None
    kinds: list[DeletionDocument]


async def get_retention(request: Request) -> Response:
    """Return when each kind of what belongs to a job is deleted, and by which rule."""
    services = services_of(request)
    caller = await authenticate_reader(request, services.authenticator)
    job_id = await read_path_id(request, "job", "job_id", caller_id=caller.scope)
    job = await read_job(services, caller, job_id)
    return await _retention(services, job.id)


async def put_retention(request: Request) -> Response:
    """Keep a job, or leave it to its rules again. Raises the 422 problem."""
    services, caller, found = await job_in_scope(request)
    _, value = await read_json(request, caller)
    try:
        keep = KeepRequest.model_validate(value).keep
    except ValidationError as error:
        raise problem_of_validation(error) from error
    public = public_id("job", found.id)
    async with services.database.writing() as connection:
        before = await set_keep(connection, found.id, keep)
        if before is not None:
            describe_change(target=public, count=1, before={"keep": before}, after={"keep": keep})
    return await _retention(services, found.id)


async def _retention(services: ApiServices, job_id: UUID) -> Response:
    public = public_id("job", job_id)
    async with services.database.reading() as connection:
        found = await find_retention(connection, job_id, rules_of(services.settings))
    if found is None:
        raise NotFound(f"There is no job {public!r}.")
    content = {"job": public, **retention_view(*found)}
    return JsonResponse(content, headers={"Cache-Control": "no-store"})


def add_routes(router: APIRouter) -> None:
    """Add the routes."""
    responses = merge_responses(
        response(200, "When what belongs to the job is deleted.", schema_ref("RetentionDocument")),
        problem_responses(401, 404, 410, 422),
    )
    add_operation(
        router,
        "GET",
        _PATH,
        get_retention,
        "Get when what belongs to a job is deleted, and by which rule",
        responses,
        request_docs(JOB_ID, takes_token=True),
    )
    add_operation(
        router,
        "PUT",
        _PATH,
        put_retention,
        "Keep a job and its images, or leave them to retention again",
        merge_responses(responses, problem_responses(400, 403, 413)),
        request_docs(JOB_ID, body={"schema": schema_ref("KeepRequest")}),
    )
