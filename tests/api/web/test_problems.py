"""Exceptions become problem documents (RFC 9457)."""

import orjson
import pytest
from starlette.exceptions import HTTPException

from api.web.problems import Problem, not_found, problem_of, problem_response
from models.errors import Conflict, DatabaseAway, InvalidRequest, NotFound, StorageError


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InvalidRequest("prompt", "is too long", code="prompt_too_long"), 422, "prompt_too_long"),
        (NotFound("There is no job."), 404, "not_found"),
        (Conflict("This job is finished."), 409, "conflict"),
        (StorageError("no such bucket"), 503, "storage_unavailable"),
        (DatabaseAway("secret"), 503, "database_unavailable"),
        (HTTPException(404), 404, "not_found"),
        (HTTPException(405, headers={"Allow": "GET"}), 405, "method_not_allowed"),
        (HTTPException(418), 418, "http_error"),
        (RuntimeError("secret"), 500, "internal"),
    ],
)
def test_an_exception_has_the_status_and_code_of_its_type(error: Exception, status: int, code: str) -> None:
    problem = problem_of(error)
    assert (problem.status, problem.code) == (status, code)
    assert "secret" not in problem.detail


def test_an_outage_has_a_retry_after() -> None:
    assert "Retry-After" in problem_of(StorageError("down")).headers


def test_a_problem_is_written_with_its_headers_and_further_members() -> None:
    problem = Problem(429, "queue_full", "Too many.", headers={"Retry-After": "10"}, more={"limit": 3})
    response = problem_response(problem, "request-1")
    assert (response.status_code, response.headers["retry-after"]) == (429, "10")
    assert response.headers["content-type"] == "application/problem+json"
    assert orjson.loads(response.body) == {
        "type": "urn:darkroom:problem:queue_full",
        "title": "Too Many Requests",
        "status": 429,
        "code": "queue_full",
        "detail": "Too many.",
        "errors": [],
        "request_id": "request-1",
        "limit": 3,
    }


def test_a_detail_with_lone_surrogates_can_be_written() -> None:
    response = problem_response(not_found("There is no job \ud800."), "request-1")
    assert orjson.loads(response.body)["detail"] == "There is no job ?."
