"""Reading a job's kept answers again, with today's parser."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from api.jobs.reader import read_job
from api.rest.jobs import own_job
from api.rest.openapi.response_schemas import ExplanationDocument, JobDocument
from api.rest.openapi.route_docs import (
    merge_responses,
    path_parameter,
    problem_responses,
    request_docs,
    response,
    schema_ref,
)
from api.web.responses import JsonResponse
from models.errors import NotFound
from models.ids import public_id
from models.queries.jobs import find_job
from models.states import JobStatus
from worker.archive.reparse import READABLE, ParsedAttempt, ReparseResult, reparse
from worker.images.limits import Limits


class ReparsedAnswerDocument(BaseModel):
    """One call's kept answer as it is read today."""

    attempt: int
    explanation: ExplanationDocument | None
    fault: str | None = Field(description="why there is no explanation")


class ReparseDocument(BaseModel):
    """What rereading came to."""

    job: JobDocument
    moved: bool = Field(description="pictures were found, and are being brought home; nothing is paid again")
    found: int = Field(description="pictures that the job did not have")
    message: str = Field(description="what happened, in words")
    answers: list[ReparsedAnswerDocument] = Field(description="the latest first, until one has pictures")


def add_routes(router: APIRouter) -> None:
    """Add the route."""
    router.add_api_route(
        "/v1/jobs/{job_id}/reread",
        reparse_job,
        methods=["POST"],
        tags=["held"],
        summary="Read the kept answers of a job again; bring home what is found, without a new call",
        responses=merge_responses(
            response(200, "What was found.", schema_ref("ReparseDocument")),
            problem_responses(401, 404, 409, 503),
        ),
        openapi_extra=request_docs(path_parameter("job_id", "as it was given: job_…")),
    )


async def reparse_job(request: Request) -> Response:
    """Read a job's kept answers again."""
    services, caller, job_id = await own_job(request)
    async with services.database.reading() as connection:
        row = await find_job(connection, job_id, caller_id=caller.id)
    if row is None:
        raise NotFound(f"There is no job {public_id('job', job_id)!r}.")
    limits = Limits(size=services.settings.download_limit)
    result = await reparse(services.database, services.store, row, limits=limits, at=services.clock())
    if result.moved:
        services.notifier.notify()
    page = await read_job(services, caller, job_id)
    content = {
        "job": page.content,
        "moved": result.moved,
        "found": result.found,
        "message": _message(result, JobStatus(row.status)),
        "answers": [_shown(reading) for reading in result.attempts],
    }
    return JsonResponse(content, headers={"Cache-Control": "no-store"})


def _shown(reading: ParsedAttempt) -> dict[str, Any]:
    explanation = reading.explanation.document() if reading.explanation else None
    return {"attempt": reading.number, "explanation": explanation, "fault": reading.fault}


def _message(result: ReparseResult, status: JobStatus) -> str:
    if not result.attempts:
        return "No provider was called for this job yet, so there is no answer to read again."
    last = result.attempts[-1]
    pictures = f"{result.found} picture{'s' if result.found != 1 else ''}"
    if result.moved:
        return (
            f"{pictures} found in the answer of attempt {last.number}, and now on the way home. "
            "Nothing is paid again."
        )
    if last.found and status not in READABLE:
        return f"The answer of attempt {last.number} has pictures, but the job is {status}: it is left alone."
    if last.found:
        return "The kept answers hold no picture that the job does not have already."
    known = next((each.explanation for each in result.attempts if each.explanation), None)
    if known is None:
        return f"No answer can be read again. {last.fault}"
    return f"No picture was found in the kept answers. {known.message}"
