"""Handing in jobs: one, or up to a thousand."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from api.auth import Caller, authenticate
from api.jobs.idempotency import idempotency_key_of
from api.jobs.reader import JobRepresentation, new_job_page, read_job
from api.jobs.serializers import links
from api.jobs.submit import IdempotencyKey, SubmitResult, find_replay, insert_submitted
from api.jobs.validation import Rejection, validate
from api.jobs.watcher import is_settled
from api.rest.parameters import read_prefer_wait
from api.services import ApiServices, services_of
from api.web.json_body import read_json
from api.web.problems import Problem, invalid_field
from api.web.responses import JsonResponse
from models.ids import public_id
from models.queries.jobs import NewJob, statuses_of
from models.states import FINAL, JobStatus

SURFACE = "rest"
MANY = 1000  #: jobs in one request


async def post_jobs(request: Request) -> Response:
    """Hand in one job, or many."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    raw, value = await read_json(request)
    idempotency_key = idempotency_key_of(request, sha256(raw).digest())
    many = isinstance(value, dict) and "jobs" in value
    values = _many(value) if many else [value]
    at = services.clock()
    result = await find_replay(services, caller, idempotency_key, at)
    if result is None:
        valid_jobs = [validate(each, services.settings, at) for each in values]
        if not many and isinstance(valid_jobs[0], Rejection):
            raise _refused(valid_jobs[0])
        result = await insert_submitted(
            services,
            caller,
            valid_jobs,
            surface=SURFACE,
            idempotency_key=_kept(idempotency_key, valid_jobs),
            at=at,
        )
    if many:
        return await _batch(services, result, at)
    return await _single(request, services, caller, result, at)


def _kept(idempotency_key: IdempotencyKey | None, valid_jobs: Sequence[Any]) -> IdempotencyKey | None:
    """A submit that is refused as a whole is not remembered: its caller mends it and sends it again."""
    return None if all(isinstance(each, Rejection) for each in valid_jobs) else idempotency_key


def _many(value: Mapping[str, Any]) -> list[Any]:
    if others := [name for name in value if name != "jobs"]:
        raise invalid_field(others[0][:200], "there is no such field beside jobs")
    jobs = value["jobs"]
    if not isinstance(jobs, list):
        raise invalid_field("jobs", "must be a list of jobs")
    if not 0 < len(jobs) <= MANY:
        raise invalid_field("jobs", f"must have 1 to {MANY:,} jobs, not {len(jobs):,}")
    return jobs


def _refused(error: Rejection) -> Problem:
    return Problem(422, error.code, error.message, errors=error.errors)


async def _single(
    request: Request, services: ApiServices, caller: Caller, result: SubmitResult, at: datetime
) -> Response:
    if result.rejected:
        first = result.rejected[0]
        raise Problem(422, first["code"], first["message"], errors=first["errors"])
    job_id, wait = result.job_ids[0], read_prefer_wait(request)
    if wait is not None:
        await services.watcher.wait_for(job_id, is_settled, timeout=wait)
    if wait is None and result.jobs:
        page = await _newborn(services, caller, result.jobs[0], at)
    else:
        page = await read_job(services, caller, job_id)
    headers = _headers(page) | ({"Idempotency-Replayed": "true"} if result.replayed else {})
    if wait is not None:
        headers["Preference-Applied"] = f"wait={wait}"
    over = wait is not None and page.status in FINAL
    return JsonResponse(page.content, 200 if over else 202, headers=headers)


async def _newborn(services: ApiServices, caller: Caller, job: NewJob, at: datetime) -> JobRepresentation:
    """Describe a job that was just born without reading it back."""
    row = SimpleNamespace(
        id=job.id,
        caller_id=caller.id,
        request=job.request,
        status=JobStatus.QUEUED.value,
        revision=1,
        generation=1,
        surface=SURFACE,
        model=job.model,
        prompt=job.prompt,
        progress=0,
        priority=job.priority,
        campaign=job.campaign,
        tags=job.tags,
        metadata=job.metadata,
        not_before=job.not_before,
        expires_at=job.expires_at,
        retry=job.retry,
        backing_off=False,
        created_at=at,
        updated_at=at,
        started_at=None,
        finished_at=None,
        error=None,
        text=None,
    )
    return await new_job_page(services, row)


def _headers(page: JobRepresentation) -> dict[str, str]:
    headers = {"Location": page.content["links"]["self"], "ETag": page.etag, "Cache-Control": "no-store"}
    return headers if page.retry_after is None else headers | {"Retry-After": str(page.retry_after)}


async def _batch(services: ApiServices, result: SubmitResult, at: datetime) -> Response:
    rejected = {each["index"] for each in result.rejected}
    indexes = (i for i in range(len(result.job_ids) + len(rejected)) if i not in rejected)
    statuses = await _statuses(services, result.job_ids) if result.replayed else {}
    content = {
        "accepted": [
            {
                "index": index,
                "id": (public := public_id("job", job_id)),
                "status": statuses.get(job_id, JobStatus.QUEUED.value),
                "links": links(public, services.public_url),
            }
            for index, job_id in zip(indexes, result.job_ids, strict=True)
        ],
        "rejected": [{name: each[name] for name in ("index", "code", "message")} for each in result.rejected],
    }
    headers = {"Retry-After": "1"} | ({"Idempotency-Replayed": "true"} if result.replayed else {})
    return JsonResponse(content, 202, headers=headers)


async def _statuses(services: ApiServices, job_ids: Sequence[UUID]) -> dict[UUID, str]:
    async with services.database.reading() as connection:
        return {key: status for key, (_, status) in (await statuses_of(connection, job_ids)).items()}
