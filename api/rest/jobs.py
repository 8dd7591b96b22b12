"""Jobs of a caller: GET with long polling, list, cancel, retry."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from time import monotonic

from fastapi import APIRouter
from prometheus_client import Counter
from starlette.requests import Request
from starlette.responses import Response

from api.access.audit import describe_change
from api.auth import Caller, authenticate, authenticate_reader
from api.jobs.long_poll import long_poll
from api.jobs.reader import JobRepresentation, read_job, read_jobs
from api.jobs.selection.job_conditions import AnyJobs, find_filter, read_conditions
from api.jobs.watcher import is_settled, newer_than
from api.rest.openapi.route_docs import (
    condition_parameters,
    header_parameter,
    merge_responses,
    path_parameter,
    problem_responses,
    query_parameter,
    request_docs,
    response,
    schema_ref,
)
from api.rest.parameters import INT32, LONGEST_WAIT, read_integer, read_path_id, read_query
from api.services import ApiServices, services_of
from api.web.problems import Problem
from api.web.responses import JsonResponse, matches_etag
from models.errors import Conflict
from models.ids import public_id
from models.queries.operations.ended_jobs import delete_jobs, lock_ended
from models.queries.selection.held_jobs import is_still_leased
from models.states import FINAL, RETRYABLE, JobStatus
from worker import lifecycle

_polls = Counter("darkroom_poll_requests", "Requests for one job, by what they came to", ["result"])
_GET_PARAMETERS = frozenset({"wait", "after_revision"})
CONDITIONS = frozenset(AnyJobs.model_fields)  #: query parameters of lists that choose jobs
_LIST_PARAMETERS = CONDITIONS | {"limit"}
LONGEST_PAGE = 200
PAGE = 50
_RELEASE_TIMEOUT = 5.0  # seconds for a worker to drop a cancelled call; it checks once a second
_RELEASE_POLL = 0.2  # seconds between checks whether it has


async def get_job(request: Request) -> Response:
    """Return a job; with ``wait``, once it has settled or is newer than ``after_revision``."""
    services = services_of(request)
    caller = await authenticate_reader(request, services.authenticator)
    query = read_query(request, _GET_PARAMETERS)
    wanted = read_integer(query, "wait", default=0, most=LONGEST_WAIT) or 0
    wait = min(wanted, services.settings.longest_wait)
    after = read_integer(query, "after_revision", default=None, most=INT32)
    job_id = await read_path_id(request, "job", "job_id", caller_id=caller.scope)
    job = await read_job(services, caller, job_id, with_estimate=not wait)
    awaited = is_settled if after is None else newer_than(after)
    if wait and not awaited((job.revision, job.status)) and job.retry_after is not None:
        try:
            await long_poll(request, caller, job_id, awaited, timeout=wait)
        except Problem:
            _polls.labels("rate_limited").inc()
            raise
    if wait:
        job = await read_job(services, caller, job_id, with_estimate=True)
    response = job_response(request, job)
    unchanged = response.status_code == 304
    _polls.labels("not_modified" if unchanged else "terminal" if job.retry_after is None else "changed").inc()
    return response


async def list_jobs(request: Request) -> Response:
    """Return a page of the caller's jobs, newest first; for an admin's key all callers', or one's."""
    services = services_of(request)
    caller = await authenticate_reader(request, services.authenticator)
    query = read_query(request, _LIST_PARAMETERS)
    limit = read_integer(query, "limit", default=PAGE, least=1, most=LONGEST_PAGE) or PAGE
    given = read_conditions(query, CONDITIONS)
    wanted = await find_filter(services, caller, given)
    found = await read_jobs(services, caller, wanted, limit + 1, of=given.caller)
    page = [job.content for job in found[:limit]]
    following = page[-1]["id"] if len(found) > limit else None
    return JsonResponse({"data": page, "next": following}, headers={"Cache-Control": "no-store"})


async def cancel_job(request: Request) -> Response:
    """Cancel a job that is not finished."""
    services, caller, found = await job_in_scope(request)
    by = "the caller" if found.caller_id == caller.id else "an administrator"
    async with services.database.writing() as connection:
        cancelled = await lifecycle.cancel_job(connection, found.id, at=services.clock(), by=by)
        if cancelled:
            _describe(found, JobStatus.CANCELLED)
    job = await read_job(services, caller, found.id)
    if not cancelled and job.status is not JobStatus.CANCELLED:
        raise Conflict(f"This job is {job.status} already; there is nothing to cancel.")
    return job_response(request, job)


async def retry_job(request: Request) -> Response:
    """Queue a finished or held job again."""
    services, caller, found = await job_in_scope(request)
    queued = await _queue_again(services, found)
    job = await read_job(services, caller, found.id)
    if not queued and job.status in RETRYABLE:
        raise Conflict("A worker still drops this job's last call; start it again in a few seconds.")
    if not queued:
        raise Conflict(f"This job is {job.status}; it can be started again once it is finished or held.")
    services.notifier.notify()
    return job_response(request, job)


def _describe(found: JobRepresentation, after: JobStatus) -> None:
    """Describe the change of a job's state for the audit log."""
    before = {"status": found.status.value}
    describe_change(target=public_id("job", found.id), count=1, before=before, after={"status": after.value})


async def _queue_again(services: ApiServices, found: JobRepresentation) -> bool:
    """Retry a job. A job cancelled a moment ago is retried once its worker has dropped the call."""
    job_id = found.id
    end = monotonic() + _RELEASE_TIMEOUT
    while True:
        async with services.database.writing() as connection:
            if await lifecycle.retry_job(connection, job_id, at=services.clock()):
                _describe(found, JobStatus.QUEUED)
                return True
            leased = await is_still_leased(connection, job_id)
        if not leased or monotonic() > end:
            return False
        await asyncio.sleep(_RELEASE_POLL)


async def delete_job(request: Request) -> Response:
    """Delete an ended job with its images; its address answers 410 from then on."""
    services, _, found = await job_in_scope(request)
    at = services.clock()
    until = at + timedelta(seconds=services.settings.upload_age)
    async with services.database.writing() as connection:
        rows = await lock_ended(connection, [found.id])
        if not rows:
            why = "a worker still drops its last call; try again in a few seconds"
            if found.status not in FINAL:
                why = f"it is {found.status}; cancel it first"
            raise Conflict(f"This job can't be deleted: {why}.")
        await delete_jobs(connection, rows, reason="request", at=at, inputs_until=until)
    return Response(status_code=204)


async def job_in_scope(request: Request) -> tuple[ApiServices, Caller, JobRepresentation]:
    """Return the caller and the job in the path. Raises ``NotFound`` if it may not see it."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    job_id = await read_path_id(request, "job", "job_id", caller_id=caller.scope)
    return services, caller, await read_job(services, caller, job_id)


def job_response(request: Request, job: JobRepresentation) -> Response:
    """Return a response with the job, or 304 if If-None-Match names its ETag."""
    headers = {"ETag": job.etag, "Cache-Control": "private, no-cache"}
    if job.retry_after is not None:
        headers["Retry-After"] = str(job.retry_after)
    if request.method in ("GET", "HEAD") and matches_etag(request, job.etag):
        return Response(status_code=304, headers=headers)
    return JsonResponse(job.content, headers=headers)


_JOB = schema_ref("JobDocument")
JOB_ID = path_parameter("job_id", "Id of the job: job_…, or a unique beginning of it.")


def add_routes(router: APIRouter) -> None:
    """Add the routes."""
    _add_reads(router)
    _add_change(router, "cancel", cancel_job, "Cancel a job, even while it is running", "The job.")
    router.add_api_route(
        "/v1/jobs/{job_id}",
        delete_job,
        methods=["DELETE"],
        tags=["jobs"],
        status_code=204,
        summary="Delete an ended job with its images",
        responses=merge_responses(
            response(204, "It is deleted.", None), problem_responses(401, 404, 409, 410, 422)
        ),
        openapi_extra=request_docs(JOB_ID),
    )
    _add_change(router, "retry", retry_job, "Retry a finished or held job", "The job, queued.")


def _add_reads(router: APIRouter) -> None:
    router.add_api_route(
        "/v1/jobs",
        list_jobs,
        methods=["GET"],
        tags=["jobs"],
        summary="List jobs, newest first",
        responses=merge_responses(
            response(200, "A page of jobs.", schema_ref("JobPageDocument")), problem_responses(401, 403, 422)
        ),
        openapi_extra=request_docs(
            *condition_parameters(AnyJobs),
            query_parameter(
                "limit", "Jobs per page.", type="integer", minimum=1, maximum=LONGEST_PAGE, default=PAGE
            ),
            takes_token=True,
        ),
    )
    router.add_api_route(
        "/v1/jobs/{job_id}",
        get_job,
        methods=["GET"],
        tags=["jobs"],
        summary="Get a job, optionally with long polling",
        responses=merge_responses(
            response(200, "The job.", _JOB),
            response(304, "The job has not changed since the ETag in If-None-Match.", None),
            problem_responses(401, 404, 410, 422, 429),
        ),
        openapi_extra=request_docs(
            JOB_ID,
            query_parameter(
                "wait",
                "Long polling: respond once the job has settled (with after_revision: once it is newer), "
                "after at most this many seconds, and no more than `DARKROOM_LONGEST_WAIT` (50).",
                type="integer",
                minimum=0,
                maximum=LONGEST_WAIT,
            ),
            query_parameter(
                "after_revision",
                "With wait: last revision known to the client.",
                type="integer",
                minimum=0,
                maximum=INT32,
            ),
            header_parameter("If-None-Match", "ETag of an earlier response.", type="string"),
            takes_token=True,
        ),
    )


def _add_change(
    router: APIRouter,
    verb: str,
    handler: Callable[[Request], Awaitable[Response]],
    summary: str,
    changed: str,
) -> None:
    router.add_api_route(
        f"/v1/jobs/{{job_id}}/{verb}",
        handler,
        methods=["POST"],
        tags=["jobs"],
        summary=summary,
        responses=merge_responses(response(200, changed, _JOB), problem_responses(401, 404, 409, 422)),
        openapi_extra=request_docs(JOB_ID),
    )
