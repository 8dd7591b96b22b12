"""OpenAI's error object of a problem."""

import pytest

from api.web.error_object import error_object, error_status
from api.web.problems import Problem, invalid_field, not_found


@pytest.mark.parametrize(
    ("problem", "status", "kind", "param", "code"),
    [
        (invalid_field("size", "is odd"), 400, "invalid_request_error", "size", "invalid_value"),
        (
            invalid_field("prompt", "is required"),
            400,
            "invalid_request_error",
            "prompt",
            "missing_required_parameter",
        ),
        (
            invalid_field("model", "unknown", code="unserved_model"),
            404,
            "invalid_request_error",
            "model",
            "model_not_found",
        ),
        (Problem(401, "unauthorized", "No."), 401, "authentication_error", None, "invalid_api_key"),
        (not_found("Nothing."), 404, "invalid_request_error", None, "not_found"),
        (Problem(429, "queue_full", "Full."), 429, "rate_limit_error", None, "queue_full"),
        (Problem(503, "restarting", "Soon."), 503, "server_error", None, "restarting"),
    ],
)
def test_a_problem_has_the_members_that_the_sdk_reads(
    problem: Problem, status: int, kind: str, param: str | None, code: str
) -> None:
    error = error_object(problem)
    assert error_status(problem) == status
    assert (error["type"], error["param"], error["code"]) == (kind, param, code)
    assert error["message"] == problem.detail
