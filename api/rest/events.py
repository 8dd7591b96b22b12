"""What happens to a job, as server-sent events."""

from collections.abc import AsyncIterator
from uuid import UUID

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from api.auth import authenticate
from api.jobs.reader import read_job
from api.jobs.serializers import serialize_event
from api.jobs.watcher import newer_than
from api.rest.parameters import read_integer
from api.services import ApiServices, services_of
from models.ids import parse_id
from models.queries.jobs import list_events
from models.states import FINAL, JobStatus

_SILENCE = 15.0  # seconds after which a comment keeps the connection open
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


async def get_events(request: Request) -> Response:
    """Follow a job until it ends. 204 tells an EventSource that there is nothing more to come."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    job_id = parse_id("job", request.path_params["job_id"])
    seen = read_integer(request.headers, "last-event-id", default=0) or 0
    page = await read_job(services, caller, job_id)
    if page.status in FINAL and seen >= page.revision:
        return Response(status_code=204)
    return StreamingResponse(
        _follow(services, job_id, seen), media_type="text/event-stream", headers=_HEADERS
    )


async def _follow(services: ApiServices, job_id: UUID, seen: int) -> AsyncIterator[bytes]:
    """Yield every event once, in order: rows are read after the last one sent, the watcher only says when."""
    yield b"retry: 1000\n\n"
    while True:
        async with services.database.reading() as connection:
            rows = await list_events(connection, job_id, after=seen)
        for row in rows:
            seen = row.revision
            yield b"id: %d\ndata: %b\n\n" % (seen, orjson.dumps(serialize_event(row)))
        news = (
            await services.watcher.wait_for(job_id, newer_than(seen), timeout=_SILENCE) if not rows else None
        )
        if services.watcher.released:
            return  # the client resumes elsewhere, with Last-Event-ID
        if not rows and news is None:
            yield b": still here\n\n"
        if rows and JobStatus(rows[-1].status) in FINAL and not await _more(services, job_id, seen):
            return


async def _more(services: ApiServices, job_id: UUID, seen: int) -> bool:
    """Tell whether a job went on after an end: somebody started it again."""
    async with services.database.reading() as connection:
        return bool(await list_events(connection, job_id, after=seen, limit=1))
