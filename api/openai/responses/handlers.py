"""POST /v1/responses; retrieve, cancel and delete a response."""

from collections.abc import Mapping
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from api.openai.context import RequestContext, authenticated, context_of, json_context
from api.openai.errors import JOB_HEADER, RETRY_HEADER
from api.openai.event_stream import stream_response
from api.openai.responses.document import is_background, is_response, response_document
from api.openai.responses.events import ResponseEvents
from api.openai.responses.ids import job_of
from api.openai.responses.request import read_request
from api.openai.results import JobResult, read_result
from api.openai.submit import submit_job
from api.openai.synchronous import note, synchronous_response
from api.services import ApiServices
from api.web.problems import Problem, invalid_field
from api.web.responses import JsonResponse
from models.errors import NotFound
from models.openai.events import response_id
from models.queries.openai.requests import RequestState
from models.queries.operations.ended_jobs import delete_jobs, lock_ended
from models.states import FINAL, JobStatus
from worker import lifecycle


async def create(request: Request) -> Response:
    """Make a response; in the background it is answered at once."""
    context, members = await json_context(request)
    services = context.services
    wanted = await read_request(members, context)
    with ExitStack() as place:
        if wanted.stream or not wanted.background:
            place.enter_context(services.ceilings.long_polls.hold(context.caller.id))
        submitted = await submit_job(context, wanted.job, members)
        if wanted.stream:
            return await _stream(context, await read_result(services, context.caller, submitted.id), place)
        if wanted.background:
            await note(context, submitted.id, RequestState.ANSWERED)
            return await _response(services, await read_result(services, context.caller, submitted.id))

        async def render(result: JobResult) -> Mapping[str, Any]:
            return await response_document(services, result)

        return await synchronous_response(context, submitted.id, render, place)


async def retrieve(request: Request) -> Response:
    """Return a response as it is; with ``stream=true``, its events, after ``starting_after``."""
    services, caller = await authenticated(request)
    context = await context_of(request, services, caller, b"")
    result = await _find(context)
    if request.query_params.get("stream", "").lower() != "true":
        return await _response(services, result)
    after = request.query_params.get("starting_after", "")
    if after and not (after.isdecimal() and len(after) < 10):
        raise invalid_field("starting_after", "must be the number of an event")
    with ExitStack() as place:
        place.enter_context(services.ceilings.long_polls.hold(caller.id))
        return await _stream(context, result, place, after=int(after) if after else -1)


async def cancel(request: Request) -> Response:
    """Cancel a response that runs in the background; one that has ended stays as it is."""
    services, caller = await authenticated(request)
    context = await context_of(request, services, caller, b"")
    result = await _find(context)
    if not is_background(result):
        raise Problem(400, "invalid_request", "Only a response that was made in the background is cancelled.")
    async with services.database.writing() as connection:
        await lifecycle.cancel_job(connection, result.job.id, at=services.clock())
    return await _response(services, await _find(context))


async def delete(request: Request) -> Response:
    """Delete a response that has ended, with its pictures."""
    services, caller = await authenticated(request)
    context = await context_of(request, services, caller, b"")
    result = await _find(context)
    at = services.clock()
    until = at + timedelta(seconds=services.settings.upload_age)
    async with services.database.writing() as connection:
        ended = await lock_ended(connection, [result.job.id])
        await delete_jobs(connection, ended, reason="request", at=at, inputs_until=until)
    if not ended:
        again = {RETRY_HEADER: "false"}
        why = "is still dropped by its worker" if result.status in FINAL else "has not ended; cancel it first"
        raise Problem(409, "conflict", f"This response {why}.", headers=again)
    content = {"id": response_id(result.job.id), "object": "response", "deleted": True}
    return JsonResponse(content, headers={"Cache-Control": "no-store"})


async def _find(context: RequestContext) -> JobResult:
    """Return the job of the response in the path. Raises ``NotFound``."""
    wanted = context.request.path_params["response_id"]
    result = await read_result(context.services, context.caller, job_of(wanted))
    if not is_response(result):
        raise NotFound(f"There is no response {wanted[:64]!r}.")
    return result


async def _stream(
    context: RequestContext, result: JobResult, place: ExitStack, *, after: int = -1
) -> Response:
    first = await response_document(context.services, result)
    writer = ResponseEvents(context.services, first, after=after)
    return await stream_response(context, result.job.id, writer, place)


async def _response(services: ApiServices, result: JobResult) -> Response:
    headers = {JOB_HEADER: result.id, "Cache-Control": "no-store"}
    if result.status not in FINAL | {JobStatus.HELD}:
        headers["Retry-After"] = "2"
    return JsonResponse(await response_document(services, result), headers=headers)
