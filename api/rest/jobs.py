"""Looking at jobs, stopping them, starting them again."""

import asyncio
from time import monotonic
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from api.auth import Caller, authenticate
from api.jobs.reader import JobRepresentation, read_job, read_jobs
from api.jobs.watcher import is_settled, newer_than
from api.rest.parameters import INT32, LONGEST_WAIT, read_integer, read_query, read_text
from api.services import ApiServices, services_of
from api.web.problems import invalid_field
from api.web.responses import JsonResponse, matches_etag
from models.errors import Conflict, NotFound
from models.ids import parse_id
from models.queries.held_jobs import is_still_leased
from models.queries.jobs import JobFilter
from models.states import RETRYABLE, JobStatus
from worker import lifecycle

_LOOKING = frozenset({"wait", "after_revision"})
_LISTING = frozenset({"status", "model", "campaign", "tag", "surface", "before", "limit"})
LONGEST_PAGE = 200
PAGE = 50
_LETTING_GO = 5.0  # seconds that a worker gets to drop a cancelled call: it looks once a second
_LOOK = 0.2  # seconds between looks whether it has


async def get_job(request: Request) -> Response:
    """Look at a job; with ``wait``, once there is news."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    query = read_query(request, _LOOKING)
    wait = read_integer(query, "wait", default=0, most=LONGEST_WAIT) or 0
    after = read_integer(query, "after_revision", default=None, most=INT32)
    job_id = parse_id("job", request.path_params["job_id"])
    page = await read_job(services, caller, job_id, with_estimate=not wait)
    news = is_settled if after is None else newer_than(after)
    if wait and not news((page.revision, page.status)) and page.retry_after is not None:
        await services.watcher.wait_for(job_id, news, timeout=wait)
    if wait:
        page = await read_job(services, caller, job_id, with_estimate=True)
    return job_response(request, page)


async def list_jobs(request: Request) -> Response:
    """List jobs, newest first, page by page."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    query = read_query(request, _LISTING)
    limit = read_integer(query, "limit", default=PAGE, least=1, most=LONGEST_PAGE) or PAGE
    before = read_text(query, "before", longest=64)
    wanted = JobFilter(
        statuses=_statuses(query.get("status") or ""),
        model=read_text(query, "model", longest=256),
        campaign=read_text(query, "campaign", longest=128),
        tag=read_text(query, "tag", longest=64),
        surface=read_text(query, "surface", longest=64),
        before=None if before is None else _cursor(before),
    )
    pages = await read_jobs(services, caller, wanted, limit + 1)
    shown = [page.content for page in pages[:limit]]
    following = shown[-1]["id"] if len(pages) > limit else None
    return JsonResponse({"data": shown, "next": following}, headers={"Cache-Control": "no-store"})


async def cancel_job(request: Request) -> Response:
    """Stop a job that is not finished."""
    services, caller, job_id = await own_job(request)
    async with services.database.writing() as connection:
        stopped = await lifecycle.cancel_job(connection, job_id, at=services.clock())
    page = await read_job(services, caller, job_id)
    if not stopped and page.status is not JobStatus.CANCELLED:
        raise Conflict(f"This job is {page.status} already; there is nothing to cancel.")
    return job_response(request, page)


async def retry_job(request: Request) -> Response:
    """Start a finished or held job again."""
    services, caller, job_id = await own_job(request)
    again = await _start_again(services, job_id)
    page = await read_job(services, caller, job_id)
    if not again and page.status in RETRYABLE:
        raise Conflict("A worker still drops this job's last call; start it again in a few seconds.")
    if not again:
        raise Conflict(f"This job is {page.status}; it can be started again once it is finished or held.")
    services.notifier.notify()
    return job_response(request, page)


async def _start_again(services: ApiServices, job_id: UUID) -> bool:
    """Start a job again; one that was cancelled a moment ago, once its worker has dropped the call."""
    end = monotonic() + _LETTING_GO
    while True:
        async with services.database.writing() as connection:
            if await lifecycle.retry_job(connection, job_id, at=services.clock()):
                return True
            in_hand = await is_still_leased(connection, job_id)
        if not in_hand or monotonic() > end:
            return False
        await asyncio.sleep(_LOOK)


async def own_job(request: Request) -> tuple[ApiServices, Caller, UUID]:
    """Return who asks, and the job asked for, which is theirs."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    job_id = parse_id("job", request.path_params["job_id"])
    await read_job(services, caller, job_id)
    return services, caller, job_id


def job_response(request: Request, page: JobRepresentation) -> Response:
    """Answer with a job, or say that who asks has it already."""
    headers = {"ETag": page.etag, "Cache-Control": "private, no-cache"}
    if page.retry_after is not None:
        headers["Retry-After"] = str(page.retry_after)
    if request.method in ("GET", "HEAD") and matches_etag(request, page.etag):
        return Response(status_code=304, headers=headers)
    return JsonResponse(page.content, headers=headers)


def _statuses(text: str) -> tuple[str, ...]:
    chosen = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not set(chosen) <= set(JobStatus):
        raise invalid_field("status", f"must be among {', '.join(JobStatus)}")
    return chosen


def _cursor(text: str) -> UUID:
    try:
        return parse_id("job", text)
    except NotFound as error:
        raise invalid_field("before", "must be what an earlier page gave as next") from error
