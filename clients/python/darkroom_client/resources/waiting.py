"""Waiting for jobs: long polls of one, polls of many, the event stream."""

import json
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from http import HTTPStatus
from itertools import count
from typing import Any, TypeVar

from darkroom_client.documents import as_document, as_documents
from darkroom_client.errors import ConnectionFailed, DarkroomError, InvalidResponse, NotFound, WaitTimeout
from darkroom_client.exchange.messages import read_json, read_problem, retry_after
from darkroom_client.exchange.session import Session, segment
from darkroom_client.exchange.sse import EventParser
from darkroom_client.exchange.transport import Transport
from darkroom_client.resources.job import FINAL, SETTLED, Job, JobEvent, read_event, read_job

M = TypeVar("M", bound=Transport)
LONGEST_POLL = 30.0  #: seconds of one long poll
_IDS_PER_POLL = 100  # jobs asked for in one request: its address stays below 4 KiB
_CHECK_EVERY = 20  # polls; then, and at the first, it is checked that the jobs exist
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.25, 5.0  # seconds between polls of many jobs
_RECONNECT_AFTER = 0.5  # seconds, after a stream that the server ended
_KEEP_ALIVE = 60.0  # seconds without a byte after which a stream counts as broken; the server writes each 15


async def get_job(
    session: Session[M], job_id: str, *, wait: float = 0, after_revision: int | None = None
) -> tuple[Job[M], float | None]:
    """Return a job and its Retry-After; with ``wait`` (seconds), once it has changed or time is up."""
    query = {"wait": max(1, round(wait)) if wait else None, "after_revision": after_revision}
    response = await session.send(
        session.request("GET", f"/v1/jobs/{segment(job_id)}", query=query, wait=wait)
    )
    return read_job(session, read_json(response)), retry_after(response.headers)


async def follow_job(
    session: Session[M], job_id: str, *, timeout: float | None, longest_poll: float
) -> AsyncGenerator[Job[M], None]:
    """Yield a job at once and after each long poll, until it is settled. Raises ``WaitTimeout``."""
    now = session.transport.now
    end = float("inf") if timeout is None else now() + timeout
    job, pause = await get_job(session, job_id)
    yield job
    while not job.is_settled:
        began = now()
        left = end - began
        if left <= 0:
            raise WaitTimeout(job, f"The job {job.id} is not finished after {timeout:g} s; it goes on.")
        before, wait = job.revision, min(left, longest_poll)
        job, pause = await get_job(session, job_id, wait=wait, after_revision=before)
        yield job
        if job.revision == before and now() - began < wait / 2:  # the server could not hold the request
            await session.transport.sleep(min(left, (pause or _SHORTEST_PAUSE) * (1 + session.chance() / 5)))


async def gather_jobs(
    session: Session[M], job_ids: Sequence[str], *, timeout: float | None
) -> AsyncGenerator[Job[M], None]:
    """Yield each job once, as soon as it is settled.

    Raises ``NotFound`` if one does not exist (any more), and ``WaitTimeout`` with a job that is not settled.
    """
    now = session.transport.now
    end = float("inf") if timeout is None else now() + timeout
    pending = dict.fromkeys(job_ids)
    pause = _SHORTEST_PAUSE
    for number in count():
        before = len(pending)
        for chunk in _chunks(list(pending)):
            for job in await _read_chunk(session, chunk, all_must_exist=number % _CHECK_EVERY == 0):
                if job.is_settled:
                    del pending[job.id]
                    yield job
        if not pending:
            return
        left = end - now()
        if left <= 0:
            job, _ = await get_job(session, next(iter(pending)))
            raise WaitTimeout(job, f"{len(pending):,} jobs are not finished after {timeout:g} s; they go on.")
        pause = min(_LONGEST_PAUSE, pause * 1.5) if len(pending) == before else _SHORTEST_PAUSE
        rest = max(pause, len(pending) / _IDS_PER_POLL / 10)  # at most ten requests a second
        await session.transport.sleep(min(left, rest * (1 + session.chance() / 5)))


async def _read_chunk(session: Session[M], job_ids: Sequence[str], *, all_must_exist: bool) -> list[Job[M]]:
    """Return those of the jobs that are settled, or all of them. Raises ``NotFound``."""
    query = {"ids": ",".join(job_ids), "limit": len(job_ids)}
    if not all_must_exist:
        query["status"] = ",".join(sorted(SETTLED))
    page = as_document(await session.call("GET", "/v1/jobs", query=query), "page")
    jobs = [read_job(session, document) for document in as_documents(page.get("data"))]
    found = {job.id: job for job in jobs}
    missing = [job_id for job_id in job_ids if job_id not in found]
    if all_must_exist and missing:
        raise NotFound(404, f"There is no job {missing[0]!r}.", code="not_found")
    return [found[job_id] for job_id in job_ids if job_id in found]


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), _IDS_PER_POLL):
        yield values[start : start + _IDS_PER_POLL]


async def stream_events(
    session: Session[M],
    path: str,
    *,
    query: Mapping[str, Any] | None = None,
    after: str | None = None,
    ends: bool,
) -> AsyncGenerator[JobEvent, None]:
    """Yield events; a broken stream is resumed after the last one. With ``ends``, until a final status.

    Raises ``ApiError``, and ``ConnectionFailed`` if it can't be resumed.
    """
    last_id, attempt, status = after or "", 0, ""
    while True:
        try:
            async with aclosing(_read_stream(session, path, query, last_id)) as events:
                async for event in events:
                    attempt, status, last_id = 0, event.status, event.last_event_id
                    yield event
        except DarkroomError as error:
            attempt += 1
            if isinstance(error, InvalidResponse):
                raise
            await session.back_off(attempt, error, repeatable=True)
            continue
        except _StreamEnded:
            return
        if ends and status in FINAL:
            return
        attempt += 1
        if attempt >= session.configuration.retry.attempts:
            raise ConnectionFailed("The server ends its event stream again and again.")
        await session.transport.sleep(_RECONNECT_AFTER * (1 + session.chance()))


class _StreamEnded(Exception):
    """There are no events after the last one, and there will be none (204)."""


async def _read_stream(
    session: Session[M], path: str, query: Mapping[str, Any] | None, last_id: str
) -> AsyncGenerator[JobEvent, None]:
    headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
    if last_id:
        headers["Last-Event-ID"] = last_id
    request = session.request("GET", path, query=query, headers=headers, wait=_KEEP_ALIVE)
    async with session.transport.stream(request) as response:
        if response.head.status == HTTPStatus.NO_CONTENT:
            raise _StreamEnded
        if response.head.status != HTTPStatus.OK:
            raise read_problem(response.head)
        if not response.head.headers.get("content-type", "").startswith("text/event-stream"):
            raise InvalidResponse("The server does not answer like Darkroom; check DARKROOM_URL.")
        parser = EventParser(last_id)
        async with aclosing(response.pieces()) as pieces:
            async for piece in pieces:
                for event in parser.feed(piece):
                    yield read_event(_json_of(event.data), event.last_id)


def _json_of(data: str) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InvalidResponse("An event of the server's stream is no JSON.") from error
