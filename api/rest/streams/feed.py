"""GET /v1/events: events of all jobs of a caller, or of some, as one stream (SSE) that can be resumed."""

import asyncio
from collections.abc import AsyncIterator

import orjson
from fastapi import APIRouter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from api.auth import authenticate_reader
from api.event_feed import Events, Subscription
from api.jobs.caller_scope import callers_in_scope
from api.jobs.selection.job_conditions import AnyJobs, read_conditions
from api.jobs.serializers import serialize_event
from api.rest.openapi.route_docs import (
    condition_parameters,
    header_parameter,
    merge_responses,
    problem_responses,
    query_parameter,
    request_docs,
    response,
)
from api.rest.parameters import read_integer, read_query
from api.rest.streams.events import KEEP_ALIVE, EventStream
from api.services import ApiServices, services_of
from api.web.problems import Problem
from api.web.request_body import RequestBody, body_of
from models.queries.selection.event_feed import FeedFilter, last_number, list_feed
from worker.cancellation import cancel_and_wait

_CONDITIONS = ("campaign", "model", "tag", "surface", "caller")
_LAST_ID = "last_event_id"
_NAMES = frozenset({*_CONDITIONS, _LAST_ID})
_PAGE = 500  # events read at once
_LARGEST = 2**53  # number of an event, as a browser can hold it


async def get_feed(request: Request) -> Response:
    """Stream events of many jobs: those after Last-Event-ID, or else new ones."""
    services = services_of(request)
    caller = await authenticate_reader(request, services.authenticator)
    query = read_query(request, _NAMES)
    given = read_conditions(query, _CONDITIONS)
    last_id = read_integer(query, _LAST_ID, default=None, most=_LARGEST)
    last_id = read_integer(request.headers, "last-event-id", default=last_id, most=_LARGEST)
    async with services.database.reading() as connection:
        scope = None
        if not caller.role.sees_all or given.caller is not None:
            scope = frozenset(await callers_in_scope(connection, caller, given.caller))
        newest = await last_number(connection)
    # there is no later event: the client had it from another database
    cursor = newest if last_id is None else min(last_id, newest)
    chosen = FeedFilter(scope, given.to_filter())
    return EventStream(services, caller, _stream(request, services, chosen, cursor))


async def _stream(
    request: Request, services: ApiServices, chosen: FeedFilter, cursor: int
) -> AsyncIterator[bytes]:
    """Yield the events after ``cursor``: first those in the database, then new ones as they come.

    It ends when the process shuts down, or the key or token is not valid any more. Raises
    ``ClientDisconnect``.
    """
    yield b"retry: 1000\n\n"
    feed, body = services.feed, body_of(request.scope)
    async with feed.subscribe(chosen) as stream:
        behind = True
        while not feed.released:
            if behind:
                rows = await _read(services, chosen, cursor, feed.head)
                behind = len(rows) == _PAGE
            else:
                rows = await _next(stream, body)
                behind, stream.overflowed = stream.overflowed, False
                if not rows and not behind:
                    if not await _is_valid(request, services):
                        return
                    yield b": still here\n\n"
            for row in rows:
                if row.seq > cursor:
                    cursor = row.seq
                    yield b"id: %d\ndata: %b\n\n" % (cursor, orjson.dumps(serialize_event(row)))


async def _read(services: ApiServices, chosen: FeedFilter, cursor: int, head: int) -> Events:
    async with services.database.reading() as connection:
        return await list_feed(connection, chosen, cursor, head, _PAGE)


async def _next(stream: Subscription, body: RequestBody) -> Events:
    """Return the next events; none after ``KEEP_ALIVE`` seconds. Raises ``ClientDisconnect``."""
    coming = asyncio.create_task(stream.take())
    gone = asyncio.create_task(body.wait_for_disconnect())
    try:
        done, _ = await asyncio.wait((coming, gone), timeout=KEEP_ALIVE, return_when=asyncio.FIRST_COMPLETED)
        if gone in done:
            raise ClientDisconnect
        return coming.result() if coming in done else ()
    finally:
        await cancel_and_wait(coming, gone)


async def _is_valid(request: Request, services: ApiServices) -> bool:
    try:
        await authenticate_reader(request, services.authenticator)
    except Problem:
        return False
    return True


def add_routes(router: APIRouter) -> None:
    """Add the route."""
    conditions = [each for each in condition_parameters(AnyJobs) if each["name"] in _CONDITIONS]
    number = {"type": "integer", "minimum": 0, "maximum": _LARGEST}
    router.add_api_route(
        "/v1/events",
        get_feed,
        methods=["GET"],
        tags=["jobs"],
        summary="Stream the events of all jobs, or of a campaign (SSE)",
        responses=merge_responses(
            response(
                200,
                "One event per revision of a job: data as in the stream of one job. Its id is a number; sent "
                "back as Last-Event-ID, the stream goes on after it. Without one it has new events only. An "
                "event may come twice after a deletion. A comment comes within 15 s without one.",
                {"type": "string"},
                media_type="text/event-stream",
            ),
            problem_responses(401, 403, 422, 429),
        ),
        openapi_extra=request_docs(
            *conditions,
            query_parameter(_LAST_ID, "The same as the header, for a client that can't set it.", **number),
            header_parameter("Last-Event-ID", "Id of the last event received.", **number),
            takes_token=True,
        ),
    )
