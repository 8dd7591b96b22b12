"""Synchronous answer of a job that may take minutes, without losing what is paid.

A job that is settled within ``DARKROOM_OPENAI_WAIT`` is answered with its true status. After that the
response begins: 200, and white space now and then, so that neither client nor proxy gives up. If the job
then fails, the connection is cut: an error object inside a 200 would be read as an empty result. The
client's repetition is joined to the same job (``api.openai.repeats``), and gets the error.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from typing import Any
from uuid import UUID

import orjson
import structlog
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.jobs.watcher import is_settled
from api.openai.budget import wait_for_job
from api.openai.context import RequestContext
from api.openai.errors import JOB_HEADER, JobFailed
from api.openai.results import JobResult, read_result
from api.web.problems import Problem
from models.errors import DarkroomError, DatabaseAway
from models.ids import public_id
from models.queries.openai.requests import RequestState, note_state

_PULSES = 2  # white space in each ``openai_wait``
_log = structlog.get_logger()

Render = Callable[[JobResult], Awaitable[Mapping[str, Any]]]
"""Returns the content of the answer of a job that has succeeded."""


async def synchronous_response(
    context: RequestContext, job_id: UUID, render: Render, place: ExitStack
) -> Response:
    """Answer with the result of a job, however long it takes.

    ``place`` is held for the waiting request; a response that has begun keeps it. Raises ``JobFailed``,
    ``Problem`` and ``ClientDisconnect``.
    """
    services = context.services
    try:
        settled = await wait_for_job(context, job_id, is_settled, timeout=services.settings.openai_wait)
    except ClientDisconnect:
        await note(context, job_id, RequestState.ABANDONED)
        raise
    if settled is None and services.watcher.released:
        await note(context, job_id, RequestState.ABANDONED)
        raise restarting()
    if settled is None:
        return _PulsedResponse(context, job_id, render, place.pop_all())
    noting = asyncio.create_task(note(context, job_id, RequestState.ANSWERED), name="note an answer")
    try:
        return _json(job_id, await _content(context, job_id, render))
    finally:
        await noting  # so that the same request, once this one has its answer, is another


def restarting() -> Problem:
    """Return the problem of a request whose API process stops: its repetition is joined by another."""
    detail = "This process of Darkroom is stopping. Send the request again; it is joined to the same job."
    return Problem(503, "restarting", detail, headers={"Retry-After": "1"})


async def note(context: RequestContext, job_id: UUID, state: RequestState) -> None:
    """Note whether the client has its answer; while the database is away, it stays as it was."""
    services = context.services
    try:
        async with services.database.writing() as connection:
            await note_state(connection, job_id, state, at=services.clock())
    except (DatabaseAway, SQLAlchemyError) as error:
        _log.warning("could not note the state of a request", error=str(error))


async def _content(context: RequestContext, job_id: UUID, render: Render) -> bytes:
    result = await read_result(context.services, context.caller, job_id)
    result.require_success()
    return orjson.dumps(await render(result))


def _json(job_id: UUID, content: bytes) -> Response:
    return Response(content, headers=_headers(job_id), media_type="application/json")


def _headers(job_id: UUID) -> dict[str, str]:
    return {JOB_HEADER: public_id("job", job_id), "Cache-Control": "no-store"}


class _PulsedResponse(Response):
    """A response that has begun: white space until the job is settled, then its content, or nothing."""

    def __init__(self, context: RequestContext, job_id: UUID, render: Render, place: ExitStack) -> None:
        super().__init__(
            headers=_headers(job_id) | {"X-Accel-Buffering": "no"}, media_type="application/json"
        )
        del self.headers["content-length"]
        self._context, self._job_id, self._render, self._place = context, job_id, render, place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it. Returns without an end, which cuts the connection, if there is no result."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        state = RequestState.ABANDONED
        try:
            await self._pulse(send)
            content = await _content(self._context, self._job_id, self._render)
            await send({"type": "http.response.body", "body": content})
            state = RequestState.ANSWERED
        except (JobFailed, DarkroomError) as error:
            _log.info("a response is cut, for its job has no result", why=str(error)[:200])
        finally:
            self._place.close()
            await note(self._context, self._job_id, state)

    async def _pulse(self, send: Send) -> None:
        """Send white space until the job is settled. Raises ``ClientDisconnect``, also at shutdown."""
        services = self._context.services
        interval = services.settings.openai_wait / _PULSES
        while True:
            await send({"type": "http.response.body", "body": b" ", "more_body": True})
            settled = await wait_for_job(self._context, self._job_id, is_settled, timeout=interval)
            if settled is not None:
                return
            if services.watcher.released:
                raise ClientDisconnect
            await note(self._context, self._job_id, RequestState.WAITING)
