"""Event stream (SSE) of a job: what its writer makes of progress, of the result and of a failure.

Comments keep it alive; the SDK passes them over. A failure once the stream has begun is an event with
OpenAI's error object, which the SDK raises.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, Protocol, runtime_checkable
from uuid import UUID

import orjson
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.jobs.watcher import is_settled, newer_than
from api.openai.budget import wait_for_job
from api.openai.context import RequestContext
from api.openai.errors import JOB_HEADER, JobFailed
from api.openai.results import JobResult, read_result
from api.openai.synchronous import note, restarting
from api.web.error_object import error_object
from api.web.problems import problem_of
from models.errors import DarkroomError
from models.ids import public_id
from models.queries.openai.requests import RequestState
from models.states import JobStatus

DONE = b"data: [DONE]\n\n"
PING = b": the job is not finished yet\n\n"
_PULSES = 2  # comments in each ``openai_wait``
_EARLY = 8  # as much sooner the stream begins that shows progress


@runtime_checkable
class FailureWriter(Protocol):
    """A writer that has events of its own for a job without a result."""

    async def failure(self, result: JobResult) -> bytes:
        """Return the events of a job that is settled and has not succeeded."""
        ...


@runtime_checkable
class PartialWriter(Protocol):
    """A writer that has events of what a running call has shown."""

    async def partial(self, result: JobResult) -> bytes:
        """Return the events of what has come since the last call."""
        ...


class StreamWriter(Protocol):
    """Writes the events of one kind of answer."""

    early: bool  #: whether there is something to write before the result

    def begin(self) -> bytes:
        """Return the first events."""
        ...

    def progress(self, percent: int) -> bytes:
        """Return the events of a progress, in percent."""
        ...

    async def end(self, result: JobResult) -> bytes:
        """Return the events of a job that has succeeded."""
        ...


def event(content: Mapping[str, Any], name: str | None = None) -> bytes:
    """Return one event."""
    data = b"data: " + orjson.dumps(content) + b"\n\n"
    return data if name is None else b"event: " + name.encode() + b"\n" + data


async def stream_response(
    context: RequestContext, job_id: UUID, writer: StreamWriter, place: ExitStack
) -> Response:
    """Stream a job. What is settled before the stream begins has its true status.

    ``place`` is held for the waiting request. Raises ``JobFailed``, ``Problem`` and ``ClientDisconnect``.
    """
    services = context.services
    wait = services.settings.openai_wait / (_EARLY if writer.early else 1)
    try:
        change = await wait_for_job(context, job_id, is_settled, timeout=wait)
    except ClientDisconnect:
        await note(context, job_id, RequestState.ABANDONED)
        raise
    if change is None and services.watcher.released:
        await note(context, job_id, RequestState.ABANDONED)
        raise restarting()
    if change is not None:
        result = await read_result(services, context.caller, job_id)
        await note(context, job_id, RequestState.ANSWERED)
        if not isinstance(writer, FailureWriter):
            result.require_success()
    return _JobStream(context, job_id, writer, place.pop_all())


class _JobStream(Response):
    """The response: events until the job is settled."""

    def __init__(self, context: RequestContext, job_id: UUID, writer: StreamWriter, place: ExitStack) -> None:
        headers = {JOB_HEADER: public_id("job", job_id), "Cache-Control": "no-store"}
        super().__init__(headers=headers | {"X-Accel-Buffering": "no"}, media_type="text/event-stream")
        del self.headers["content-length"]
        self._context, self._job_id, self._writer, self._place = context, job_id, writer, place

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        state = RequestState.ABANDONED
        try:
            await _write(send, self._writer.begin())
            content = await self._follow(send)
            await send({"type": "http.response.body", "body": content})
            state = RequestState.ANSWERED
        finally:
            self._place.close()
            await note(self._context, self._job_id, state)

    async def _follow(self, send: Send) -> bytes:
        """Send progress until the job is settled; return the last events. Raises ``ClientDisconnect``."""
        context, services, shown, revision = self._context, self._context.services, 0, 0
        interval = services.settings.openai_wait / _PULSES
        while True:
            change = await wait_for_job(context, self._job_id, newer_than(revision), timeout=interval)
            if services.watcher.released:
                raise ClientDisconnect
            if change is None:
                await _write(send, PING)
                await note(context, self._job_id, RequestState.WAITING)
                continue
            revision = change[0]
            result = await read_result(services, context.caller, self._job_id)
            if isinstance(self._writer, PartialWriter):
                await _write(send, await self._writer.partial(result))
            if is_settled(change):
                return await self._last(result)
            if result.job.progress > shown:
                shown = result.job.progress
                await _write(send, self._writer.progress(shown))

    async def _last(self, result: JobResult) -> bytes:
        writer = self._writer
        try:
            if result.status is not JobStatus.SUCCEEDED and isinstance(writer, FailureWriter):
                return await writer.failure(result)
            result.require_success()
            return await writer.end(result)
        except JobFailed as failed:
            error = failed.failure.error()
        except DarkroomError as problem:
            error = error_object(problem_of(problem))
        return event({"type": "error", "error": error}, "error") + DONE


async def _write(send: Send, content: bytes) -> None:
    if content:
        await send({"type": "http.response.body", "body": content, "more_body": True})
