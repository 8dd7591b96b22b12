"""Errors of problems and jobs as OpenAI's error object."""

import orjson
import pytest

from api.openai.errors import failure_of, failure_response, problem_response
from api.web.problems import Problem
from models.outcomes import ERROR_CODES
from models.states import JobStatus

S = JobStatus


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (S.FAILED, "moderation_output", (400, "image_generation_user_error", "moderation_blocked")),
        (S.FAILED, "refusal", (400, "image_generation_user_error", "moderation_blocked")),
        (S.FAILED, "input_image_invalid", (400, "invalid_request_error", "input_image_invalid")),
        (S.FAILED, "upstream_error", (502, "server_error", "upstream_error")),
        (S.FAILED, None, (502, "server_error", "failed")),
        (S.HELD, "connection_lost", (502, "server_error", "unknown_outcome")),
        (S.CANCELLED, None, (409, "invalid_request_error", "cancelled")),
        (S.EXPIRED, "expired", (504, "server_error", "expired")),
    ],
)
def test_a_job_without_a_result_has_a_status_and_a_code(
    status: JobStatus, code: str | None, expected: tuple[int, str, str]
) -> None:
    error = None if code is None else {"code": code, "message": "It went wrong."}
    failure = failure_of("job_1", status, error)
    assert (failure.status, failure.kind, failure.code) == expected
    assert failure.message


def test_no_failure_of_a_job_is_sent_again_by_the_sdk() -> None:
    for code in ERROR_CODES:
        response = failure_response(failure_of("job_1", S.FAILED, {"code": code, "message": "m"}))
        assert response.headers["x-should-retry"] == "false"
        assert response.headers["x-darkroom-job"] == "job_1"


@pytest.mark.parametrize(
    ("status", "again"), [(400, "false"), (409, "false"), (413, "false"), (429, "true"), (503, "true")]
)
def test_a_problem_says_whether_to_send_it_again(status: int, again: str) -> None:
    response = problem_response(Problem(status, "odd", "It is odd.", headers={"Retry-After": "1"}))
    assert response.headers["x-should-retry"] == again
    assert response.headers["retry-after"] == "1"
    assert orjson.loads(response.body)["error"]["message"] == "It is odd."
