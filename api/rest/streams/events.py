"""Events of a job as server-sent events (SSE)."""

from collections.abc import AsyncIterator
from uuid import UUID

import orjson
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from api.auth import Caller, authenticate_reader
from api.ceilings import open_stream
from api.jobs.long_poll import wait_while_connected
from api.jobs.reader import read_job
from api.jobs.serializers import serialize_event
from api.jobs.watcher import newer_than
from api.rest.jobs import JOB_ID
from api.rest.openapi.route_docs import (
    header_parameter,
    merge_responses,
    problem_responses,
    request_docs,
    response,
)
from api.rest.parameters import INT32, read_integer, read_path_id
from api.services import ApiServices, services_of
from api.web.request_body import RequestBody, body_of
from models.queries.jobs import list_events, statuses_of
from models.states import FINAL, JobStatus

KEEP_ALIVE = 12.0  #: seconds without an event after which a comment keeps the connection open
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


async def get_events(request: Request) -> Response:
    """Stream the events of a job until it is final; 204 stops an EventSource from reconnecting."""
    services = services_of(request)
    caller = await authenticate_reader(request, services.authenticator)
    services.ceilings.event_streams.require_room(caller.id)
    job_id = await read_path_id(request, "job", "job_id", caller_id=caller.scope)
    last_id = read_integer(request.headers, "last-event-id", default=0) or 0
    job = await read_job(services, caller, job_id)
    last_id = min(last_id, job.revision)  # there is no later event: the client had it from another database
    if job.status in FINAL and last_id == job.revision:
        return Response(status_code=204)
    return EventStream(services, caller, _stream(services, body_of(request.scope), job_id, last_id))


class EventStream(StreamingResponse):
    """Response that counts as an open stream of its caller while it is sent."""

    def __init__(self, services: ApiServices, caller: Caller, content: AsyncIterator[bytes]) -> None:
        super().__init__(content, media_type="text/event-stream", headers=_HEADERS)
        self._limit, self._caller_id = services.ceilings.event_streams, caller.id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream. Raises the 429 problem of too many open streams."""
        with self._limit.hold(self._caller_id), open_stream("api"):
            await self.stream_response(send)


async def _stream(
    services: ApiServices, body: RequestBody, job_id: UUID, last_id: int
) -> AsyncIterator[bytes]:
    """Yield every event once, in order: read the rows after the last one sent, then wait for a change.

    Raises ``ClientDisconnect``.
    """
    yield b"retry: 1000\n\n"
    while True:
        async with services.database.reading() as connection:
            rows = await list_events(connection, job_id, after=last_id)
        for row in rows:
            last_id = row.revision
            yield b"id: %d\ndata: %b\n\n" % (last_id, orjson.dumps(serialize_event(row)))
        watcher = services.watcher
        change = None
        if not rows:
            newer = newer_than(last_id)
            change = await wait_while_connected(body, watcher, job_id, newer, timeout=KEEP_ALIVE)
        if watcher.released:
            return  # this process shuts down; the client resumes at another one, with Last-Event-ID
        if not rows and change is None:
            if await _has_ended(services, job_id, last_id):
                return
            yield b": still here\n\n"
        if rows and JobStatus(rows[-1].status) in FINAL and not await _has_more(services, job_id, last_id):
            return


async def _has_ended(services: ApiServices, job_id: UUID, last_id: int) -> bool:
    """Return whether a job is final (or gone) and has no event after this one."""
    async with services.database.reading() as connection:
        revision, status = (await statuses_of(connection, [job_id])).get(job_id, (0, None))
    return status is None or (JobStatus(status) in FINAL and revision <= last_id)


async def _has_more(services: ApiServices, job_id: UUID, last_id: int) -> bool:
    """Return whether further events follow a final one, because the job was retried."""
    async with services.database.reading() as connection:
        return bool(await list_events(connection, job_id, after=last_id, limit=1))


def add_routes(router: APIRouter) -> None:
    """Add the route."""
    router.add_api_route(
        "/v1/jobs/{job_id}/events",
        get_events,
        methods=["GET"],
        tags=["jobs"],
        summary="Stream the events of a job (SSE)",
        responses=merge_responses(
            response(
                200,
                "One event per revision: its id is the revision, its data {id, revision, status, progress, "
                "at, detail}. The stream closes once the job is finished.",
                {"type": "string"},
                media_type="text/event-stream",
            ),
            response(204, "The job is finished and has no events after Last-Event-ID.", None),
            problem_responses(401, 404, 422, 429),
        ),
        openapi_extra=request_docs(
            JOB_ID,
            header_parameter(
                "Last-Event-ID",
                "Revision of the last event received.",
                type="integer",
                minimum=0,
                maximum=INT32,
            ),
            takes_token=True,
        ),
    )
