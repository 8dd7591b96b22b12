"""POST /v1/jobs: submit one job, or a batch of up to a thousand."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Caller, authenticate
from api.jobs.idempotency import find_replay, idempotency_key_of
from api.jobs.long_poll import long_poll
from api.jobs.reader import read_job, represent_new_job
from api.jobs.served_models import SubmitWarning, reject_unserved, warn_unserved
from api.jobs.submit import insert_submitted
from api.jobs.submit_result import SubmitResult
from api.jobs.validation import Rejection, ValidJob, validate
from api.jobs.watcher import is_settled
from api.rest.openapi.route_docs import (
    header_parameter,
    merge_responses,
    problem_responses,
    request_docs,
    response,
    schema_ref,
)
from api.rest.parameters import LONGEST_WAIT, read_prefer_wait
from api.services import ApiServices, services_of
from api.web.json_body import NUL_REFUSED, digest_of, find_nul, parse_json, read_bytes
from api.web.problems import Problem, invalid_field
from api.web.request_body import body_of
from api.web.responses import JsonResponse
from models.ids import public_id
from models.queries.jobs import statuses_of
from models.serializers import links
from models.states import FINAL, JobStatus

SURFACE = "rest"
Warnings = Mapping[UUID, Sequence[SubmitWarning]]  #: by accepted job
BATCH_LIMIT = 1000  #: jobs in one request
_VALIDATED_AT_ONCE = 20  # jobs; other requests are served in between


async def post_jobs(request: Request) -> Response:
    """Submit one job, or a batch."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    at = services.clock()
    result, warnings, is_batch = await _submit(request, services, caller, at)
    body_of(request.scope).release()  # the response may wait for the job
    if is_batch:
        return await _batch_response(services, result, warnings)
    return await _single_response(request, services, caller, result, warnings, at)


async def _submit(
    request: Request, services: ApiServices, caller: Caller, at: datetime
) -> tuple[SubmitResult, Warnings, bool]:
    """Insert the jobs of a request. Returns the result, its warnings, and whether they were a batch."""
    raw = await read_bytes(request, caller, images=True)
    parsed = await parse_json(raw)
    value = parsed.value
    idempotency_key = idempotency_key_of(request, await digest_of(raw))
    is_batch = isinstance(value, dict) and "jobs" in value
    values = _batch_of(value) if is_batch else [value]
    if idempotency_key is not None:
        replay = await find_replay(services, caller, idempotency_key, at)
        if replay is not None:
            return replay, await _warnings(services, replay, values), is_batch
    valid = await _validate(values, services, at, may_have_nul=parsed.may_have_nul)
    submitted = await reject_unserved(services, valid)
    if not is_batch and isinstance(submitted[0], Rejection):
        raise Problem(422, submitted[0].code, submitted[0].message, errors=submitted[0].errors)
    result = await insert_submitted(
        services, caller, submitted, surface=SURFACE, idempotency_key=idempotency_key, at=at
    )
    return result, await _warnings(services, result, values), is_batch


async def _warnings(services: ApiServices, result: SubmitResult, values: Sequence[Any]) -> Warnings:
    by_index = dict(zip(result.accepted_indexes, result.job_ids, strict=True))
    found = await warn_unserved(services, {index: values[index]["model"] for index in by_index})
    return {by_index[index]: each for index, each in found.items()}


async def _validate(
    values: Sequence[Any], services: ApiServices, at: datetime, *, may_have_nul: bool
) -> list[ValidJob | Rejection]:
    """Validate jobs; between them other requests are served. A wrong one leaves its batch acceptable."""
    submitted: list[ValidJob | Rejection] = []
    for index, value in enumerate(values, 1):
        path = find_nul(value) if may_have_nul else None
        if path is None:
            submitted.append(validate(value, services.settings, at))
        else:
            submitted.append(Rejection("invalid", [{"field": path, "message": NUL_REFUSED}]))
        if index % _VALIDATED_AT_ONCE == 0:
            await asyncio.sleep(0)
    return submitted


def _batch_of(value: Mapping[str, Any]) -> list[Any]:
    """Return the jobs of a batch. Raises the 422 problem."""
    if others := [name for name in value if name != "jobs"]:
        raise invalid_field(others[0][:200], "there is no such field beside jobs")
    jobs = value["jobs"]
    if not isinstance(jobs, list):
        raise invalid_field("jobs", "must be a list of jobs")
    if not 0 < len(jobs) <= BATCH_LIMIT:
        raise invalid_field("jobs", f"must have 1 to {BATCH_LIMIT:,} jobs, not {len(jobs):,}")
    return jobs


async def _single_response(
    request: Request,
    services: ApiServices,
    caller: Caller,
    result: SubmitResult,
    warnings: Warnings,
    at: datetime,
) -> Response:
    """Return the submitted job; with ``Prefer: wait``, once it is settled or the time is up."""
    if result.rejected:
        first = result.rejected[0]
        raise Problem(422, first["code"], first["message"], errors=first["errors"])
    job_id, wait = result.job_ids[0], read_prefer_wait(request, longest=services.settings.longest_wait)
    if wait is not None and not services.ceilings.long_polls.has_room(caller.id):
        wait = None  # the job is accepted: the client polls
    if wait is not None:
        await long_poll(request, caller, job_id, is_settled, timeout=wait)
    if wait is None and result.jobs:
        job = await represent_new_job(services, caller, result.jobs[0], surface=SURFACE, at=at)
    else:
        job = await read_job(services, caller, job_id)
    headers = {"Location": job.content["links"]["self"], "ETag": job.etag, "Cache-Control": "no-store"}
    if job.retry_after is not None:
        headers["Retry-After"] = str(job.retry_after)
    if result.replayed:
        headers["Idempotency-Replayed"] = "true"
    if wait is not None:
        headers["Preference-Applied"] = f"wait={wait}"
    finished = wait is not None and job.status in FINAL
    content = job.content | _warnings_of(job_id, warnings)
    return JsonResponse(content, 200 if finished else 202, headers=headers)


def _warnings_of(job_id: UUID, warnings: Warnings) -> dict[str, Any]:
    """Return the member of a response; jobs without warnings have none."""
    return {"warnings": warnings[job_id]} if job_id in warnings else {}


async def _batch_response(services: ApiServices, result: SubmitResult, warnings: Warnings) -> Response:
    """Return ids of the accepted jobs and reasons of the rejected ones, by index."""
    statuses = await _statuses(services, result.job_ids) if result.replayed else {}
    content = {
        "accepted": [
            {
                "index": index,
                "id": (public := public_id("job", job_id)),
                "status": statuses.get(job_id, JobStatus.QUEUED.value),
                "links": links(public, services.public_url),
                **_warnings_of(job_id, warnings),
            }
            for index, job_id in zip(result.accepted_indexes, result.job_ids, strict=True)
        ],
        "rejected": [
            {"index": each["index"], "code": each["code"], "message": each["message"]}
            for each in result.rejected
        ],
    }
    headers = {"Retry-After": "1"} | ({"Idempotency-Replayed": "true"} if result.replayed else {})
    return JsonResponse(content, 202, headers=headers)


async def _statuses(services: ApiServices, job_ids: Sequence[UUID]) -> dict[UUID, str]:
    async with services.database.reading() as connection:
        return {key: status for key, (_, status) in (await statuses_of(connection, job_ids)).items()}


_JOB = schema_ref("SubmittedJobDocument")
_BODY = {
    "schema": {
        "oneOf": [
            schema_ref("Submission"),
            {
                "type": "object",
                "required": ["jobs"],
                "additionalProperties": False,
                "properties": {
                    "jobs": {
                        "type": "array",
                        "minItems": 1,
                        "maxItems": BATCH_LIMIT,
                        "items": schema_ref("Submission"),
                    }
                },
            },
        ]
    },
    "examples": {
        "one": {"value": {"model": "gpt-4o-image", "prompt": "a cat"}},
        "many": {"value": {"jobs": [{"model": "gpt-4o-image", "prompt": f"cat {n}"} for n in (1, 2)]}},
    },
}


def add_routes(router: APIRouter) -> None:
    """Add the route."""
    router.add_api_route(
        "/v1/jobs",
        post_jobs,
        methods=["POST"],
        tags=["jobs"],
        summary="Submit a job, or a batch of up to 1,000",
        status_code=202,
        responses=merge_responses(
            response(200, "The job, finished within the time of `Prefer: wait`.", _JOB),
            response(
                202,
                "The accepted job; for a batch, the accepted and the rejected jobs by their index.",
                {"oneOf": [_JOB, schema_ref("BatchDocument")]},
            ),
            problem_responses(400, 401, 413, 415, 422, 429, 503),
        ),
        openapi_extra=request_docs(
            header_parameter(
                "Idempotency-Key",
                "Makes the submit safe to repeat: the same key and body return the first response; "
                "the same key with another body is an error.",
                type="string",
                minLength=1,
                maxLength=255,
                pattern="^[!-~]+$",
            ),
            header_parameter(
                "Prefer",
                f"`wait=N`: respond once the job has finished, after at most N (1–{LONGEST_WAIT}) seconds, "
                "and no more than `DARKROOM_LONGEST_WAIT` (50). `Preference-Applied` has the time in force.",
                type="string",
                pattern="^wait=[0-9]{1,2}$",
            ),
            body=_BODY,
        ),
    )
