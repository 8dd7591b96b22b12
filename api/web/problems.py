"""Errors as ``application/problem+json`` (RFC 9457), and the translation of exceptions into them."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from models.errors import Conflict, DatabaseAway, InvalidRequest, NotFound, StorageError

MEDIA_TYPE = "application/problem+json"
_log = structlog.get_logger()


class Problem(Exception):
    """An error response. ``errors`` are ``{field, message}``; ``more`` are further members."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail
        self.errors, self.headers, self.more = list(errors), dict(headers or {}), dict(more or {})


def invalid_field(field: str, message: str, *, code: str = "invalid", status: int = 422) -> Problem:
    """Return the problem of one invalid field."""
    return Problem(status, code, f"{field}: {message}", errors=[{"field": field, "message": message}])


def not_found(detail: str) -> Problem:
    """Return the 404 problem of a resource that does not exist or belongs to another caller."""
    return Problem(404, "not_found", detail)


def problem_response(problem: Problem, request_id: str) -> Response:
    """Return the response of a problem."""
    content = {
        "type": f"urn:darkroom:problem:{problem.code}",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "code": problem.code,
        "detail": storable_text(problem.detail),
        "errors": problem.errors,
        "request_id": request_id,
        **problem.more,
    }
    return Response(orjson.dumps(content), problem.status, problem.headers, media_type=MEDIA_TYPE)


def storable_text(text: str) -> str:
    """Replace lone surrogates, which cannot be encoded as UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def problem_of(error: Exception) -> Problem:
    """Return the problem of an exception of ours or of the framework; 500 for any other."""
    match error:
        case Problem():
            return error
        case InvalidRequest():
            return invalid_field(error.field, error.message, code=error.code)
        case NotFound():
            return not_found(str(error))
        case Conflict():
            return Problem(409, "conflict", str(error))
        case StorageError():
            detail = "The image store does not answer; try again soon."
            return Problem(503, "storage_unavailable", detail, headers={"Retry-After": "5"})
        case DatabaseAway():
            detail = (
                "The database does not answer, or takes no writes. "
                "Try again soon; when you submit, with an Idempotency-Key."
            )
            return Problem(503, "database_unavailable", detail, headers={"Retry-After": "5"})
        case HTTPException():
            return _problem_of_http(error)
    return Problem(500, "internal", "Internal error; the server's log has it under the request id.")


def reported_problem(error: Exception, scope: Any) -> Problem:
    """Return the problem of an exception; log it if the service or what it depends on failed.

    Handlers pass the result on, and name it by no local variable: a problem refers to the frame that it was
    raised through, and a frame that refers to it keeps the body of its request in memory until the garbage
    collector runs.
    """
    problem = problem_of(error)
    if problem.status == 503:
        _log.warning("a dependency failed", error=str(error)[:300], request_id=request_id_of(scope))
    elif problem.status >= 500:
        _log.error("a request failed", exc_info=error, request_id=request_id_of(scope))
    return problem


_HTTP_ERRORS = {
    404: ("not_found", "There is nothing at this address; see /docs."),
    405: ("method_not_allowed", "This address does not take this method; see /docs."),
}


def _problem_of_http(error: HTTPException) -> Problem:
    code, detail = _HTTP_ERRORS.get(error.status_code, ("http_error", str(error.detail)))
    return Problem(error.status_code, code, detail, headers=error.headers)


def install_problem_handlers(app: FastAPI) -> None:
    """Register exception handlers that answer with problems."""

    async def handle(request: Request, error: Exception) -> Response:
        return problem_response(reported_problem(error, request.scope), request_id_of(request.scope))

    for kind in (Problem, InvalidRequest, NotFound, Conflict, HTTPException, StorageError, DatabaseAway):
        app.add_exception_handler(kind, handle)


def request_id_of(scope: Any) -> str:
    """Return the request id that ``api.web.middleware`` assigned."""
    return str(scope.get("darkroom.request_id", ""))
