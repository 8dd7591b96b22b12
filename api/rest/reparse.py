"""Archived responses of a job, parsed again with today's parser: explained, or their images stored."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from api.jobs.reader import read_job
from api.rest.jobs import JOB_ID, job_in_scope
from api.rest.openapi.response_schemas import ExplanationDocument, JobDocument
from api.rest.openapi.route_docs import merge_responses, problem_responses, request_docs, response, schema_ref
from api.web.responses import JsonResponse
from models.errors import NotFound
from models.ids import public_id
from models.queries.jobs import find_job
from models.states import JobStatus
from worker.archive.reparse import REOPENABLE, ParsedAttempt, ReparseResult, explain_job, reparse
from worker.images.limits import Limits


class ReparsedAnswerDocument(BaseModel):
    """The archived response of one attempt, as parsed today."""

    attempt: int
    explanation: ExplanationDocument | None
    fault: str | None = Field(description="why there is no explanation")


class AnswersDocument(BaseModel):
    """The archived responses of a job, the latest first."""

    data: list[ReparsedAnswerDocument]


class ReparseDocument(BaseModel):
    """Result of parsing the archived responses of a job again."""

    job: JobDocument
    moved: bool = Field(description="images were found and are being stored; no provider is called or paid")
    found: int = Field(description="number of images that the job did not have")
    message: str = Field(description="what happened, for people")
    answers: list[ReparsedAnswerDocument] = Field(
        description="by attempt, the latest first, up to the first one with images"
    )


async def reread_job(request: Request) -> Response:
    """Parse the archived responses of a job again; the images found are stored."""
    services, caller, found = await job_in_scope(request)
    async with services.database.reading() as connection:
        row = await find_job(connection, found.id, caller_id=caller.scope)
    if row is None:
        raise NotFound(f"There is no job {public_id('job', found.id)!r}.")
    limits = Limits(size=services.settings.download_limit)
    result = await reparse(services.database, services.store, row, limits=limits, at=services.clock())
    if result.moved:
        services.notifier.notify()
    job = await read_job(services, caller, found.id)
    content = {
        "job": job.content,
        "moved": result.moved,
        "found": result.found,
        "message": _message(result, JobStatus(row.status)),
        "answers": [_serialize(attempt) for attempt in result.attempts],
    }
    return JsonResponse(content, headers={"Cache-Control": "no-store"})


async def explain_answers(request: Request) -> Response:
    """Explain the archived responses of a job, the latest first; nothing is changed."""
    services, _, found = await job_in_scope(request)
    attempts = await explain_job(services.database, services.store, found.id)
    content = {"data": [_serialize(attempt) for attempt in attempts]}
    return JsonResponse(content, headers={"Cache-Control": "no-store"})


def _serialize(attempt: ParsedAttempt) -> dict[str, Any]:
    explanation = attempt.explanation.document() if attempt.explanation else None
    return {"attempt": attempt.number, "explanation": explanation, "fault": attempt.problem}


def _message(result: ReparseResult, status: JobStatus) -> str:
    if not result.attempts:
        return "No provider was called for this job yet, so there is no answer to read again."
    last = result.attempts[-1]
    images = f"{result.found} image{'s' if result.found != 1 else ''}"
    if result.moved:
        return (
            f"{images} found in the answer of attempt {last.number}, and now being stored. "
            "Nothing is paid again."
        )
    if last.found and status not in REOPENABLE:
        return f"The answer of attempt {last.number} has images, but the job is {status}: it is left alone."
    if last.found:
        return "The archived responses hold no image that the job does not have already."
    known = next((each.explanation for each in result.attempts if each.explanation), None)
    if known is None:
        return f"No answer can be read again. {last.problem}"
    return f"No image was found in the archived responses. {known.message}"


def add_routes(router: APIRouter) -> None:
    """Add the routes."""
    router.add_api_route(
        "/v1/jobs/{job_id}/answers",
        explain_answers,
        methods=["GET"],
        tags=["jobs"],
        summary="Explain the archived responses of a job, without a new call",
        responses=merge_responses(
            response(200, "The explanations, by attempt.", schema_ref("AnswersDocument")),
            problem_responses(401, 404, 422, 503),
        ),
        openapi_extra=request_docs(JOB_ID),
    )
    router.add_api_route(
        "/v1/jobs/{job_id}/reread",
        reread_job,
        methods=["POST"],
        tags=["held jobs"],
        summary="Parse the archived responses of a job again and store the images found, without a new call",
        responses=merge_responses(
            response(200, "The images found, by attempt.", schema_ref("ReparseDocument")),
            problem_responses(401, 404, 409, 422, 503),
        ),
        openapi_extra=request_docs(JOB_ID),
    )
