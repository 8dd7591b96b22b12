"""The one event stream of a page: what has changed, and every few seconds how new the data is.

Event ``changed`` has topics, separated by blanks; event ``alive`` the time at which the database was last
read. The page fetches itself again for a topic that it shows, and tells the time if ``alive`` stops coming.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from api.auth import Caller, needs_key
from api.ceilings import open_stream
from api.dashboard.login.sessions import find_viewer
from api.dashboard.page import HEADERS, to_login
from api.services import ApiServices, services_of
from api.web.request_body import body_of
from models.clock import rfc3339
from worker.cancellation import cancel_and_wait

ALIVE = 3.0  #: seconds between two events, at most
_HEADERS = {**HEADERS, "X-Accel-Buffering": "no"}


async def stream(request: Request) -> Response:
    """Stream what changes, until the session ends or the process shuts down. Raises the 429 problem."""
    needs_key(request)
    services = services_of(request)
    viewer = await find_viewer(request, services)
    if viewer is None:
        return to_login(request)
    services.ceilings.event_streams.require_room(viewer.caller.id)
    return _Stream(request, services, viewer.caller)


class _Stream(StreamingResponse):
    """Stream that counts as open for its caller while it is sent."""

    def __init__(self, request: Request, services: ApiServices, caller: Caller) -> None:
        super().__init__(_events(request, services, caller), media_type="text/event-stream", headers=_HEADERS)
        self._limit, self._caller_id = services.ceilings.event_streams, caller.id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream. Raises the 429 problem of too many open streams."""
        with self._limit.hold(self._caller_id), open_stream("ui"):
            await self.stream_response(send)


async def _events(request: Request, services: ApiServices, caller: Caller) -> AsyncIterator[bytes]:
    """Yield events as they come. Raises ``ClientDisconnect``."""
    yield b"retry: 1000\n\n"
    feed, body = services.changes, body_of(request.scope)
    shown_at: datetime | None = None
    async with feed.subscribe(caller.scope) as page:
        while not feed.released:
            taken = asyncio.create_task(page.take(ALIVE))
            gone = asyncio.create_task(body.wait_for_disconnect())
            try:
                done, _ = await asyncio.wait((taken, gone), return_when=asyncio.FIRST_COMPLETED)
                if gone in done:
                    raise ClientDisconnect
                topics = taken.result()
            finally:
                await cancel_and_wait(taken, gone)
            if topics:
                yield b"event: changed\ndata: %b\n\n" % " ".join(sorted(topics)).encode()
            if feed.as_of is not None and feed.as_of != shown_at:
                shown_at = feed.as_of
                yield b"event: alive\ndata: %b\n\n" % rfc3339(shown_at).encode()
            if not topics and await find_viewer(request, services) is None:
                return
