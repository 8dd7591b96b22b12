"""Errors of this surface: a problem, or a job that ended without a result, as OpenAI's error object."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.responses import Response

from api.web.error_object import INSUFFICIENT, INVALID_REQUEST, SERVER_ERROR, error_object, error_status
from api.web.problems import Problem, storable_text
from models.states import JobStatus

JOB_HEADER = "x-darkroom-job"  #: id of the job that a response is about
RETRY_HEADER = "x-should-retry"
"""Overrides the SDK's own rule, by which it sends 408, 409, 429 and 5xx again."""

_USER_ERROR = "image_generation_user_error"  # OpenAI's type for what its moderation refuses
_MODERATION = frozenset({"moderation", "moderation_input", "moderation_output", "refusal"})
_FAULTY = frozenset(
    {
        *("bad_request", "prompt_too_long", "payload_too_large"),
        *("input_image_invalid", "input_image_unreachable", "price_unknown"),
    }
)
EXHAUSTED = "budget_exhausted"  #: code of a job that was cancelled because its budget is used up
_RETRIED = frozenset({429, 500, 502, 503, 504})  # of problems: nothing was accepted, or it is joined


class JobFailed(Exception):
    """A job that ended, or is held, without a result."""

    def __init__(self, failure: "Failure") -> None:
        super().__init__(failure.message)
        self.failure = failure


@dataclass(frozen=True, slots=True)
class Failure:
    """What the client of a job without a result is told."""

    job: str  #: public id
    status: int
    kind: str  #: OpenAI's ``type``
    code: str
    message: str

    def error(self) -> dict[str, Any]:
        """Return OpenAI's error object."""
        message = storable_text(self.message)
        return {"message": message, "type": self.kind, "param": None, "code": self.code}


def failure_of(job: str, status: JobStatus, error: Mapping[str, Any] | None) -> Failure:
    """Return the failure of a job that is settled and has not succeeded; ``error`` is that of its row."""
    known = error or {}
    code, message = str(known.get("code") or status.value), str(known.get("message") or "")
    if status is JobStatus.CANCELLED and code == EXHAUSTED:
        return Failure(job, 429, INSUFFICIENT, INSUFFICIENT, message)
    if status is JobStatus.CANCELLED:
        return Failure(job, 409, INVALID_REQUEST, "cancelled", "The job was cancelled.")
    if status is JobStatus.EXPIRED:
        late = "The job did not start before its deadline. Nothing was charged."
        return Failure(job, 504, SERVER_ERROR, "expired", message or late)
    if status is JobStatus.HELD:
        advice = f"Job {job} is held for a person's decision: see GET /v1/jobs/{job}."
        return Failure(job, 502, SERVER_ERROR, "unknown_outcome", f"{message} {advice}".strip())
    if code in _MODERATION:
        return Failure(job, 400, _USER_ERROR, "moderation_blocked", message)
    if code in _FAULTY:
        return Failure(job, 400, INVALID_REQUEST, code, message)
    return Failure(job, 502, SERVER_ERROR, code, message or "The job failed.")


def failure_response(failure: Failure) -> Response:
    """Return the response of a job without a result. Sending it again would return the same."""
    headers = {RETRY_HEADER: "false", JOB_HEADER: failure.job}
    return _response({"error": failure.error()}, failure.status, headers)


def problem_response(problem: Problem, request_id: str = "") -> Response:
    """Return the response of a problem; the middleware adds the request id as a header."""
    retried = problem.status in _RETRIED
    headers = {RETRY_HEADER: str(retried).lower(), **problem.headers}
    return _response({"error": error_object(problem)}, error_status(problem), headers)


def _response(content: Mapping[str, Any], status: int, headers: Mapping[str, str]) -> Response:
    return Response(orjson.dumps(content), status, dict(headers), media_type="application/json")
