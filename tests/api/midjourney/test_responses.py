"""Envelopes of errors: codes, HTTP statuses and headers."""

import orjson
import pytest

from api.jobs.submit import QUEUE_FULL
from api.midjourney.responses import (
    SubmitError,
    dialog_response,
    error_response,
    problem_response,
    short_text,
)
from api.web.problems import Problem
from models.midjourney.protocol import Code


@pytest.mark.parametrize(
    ("problem", "status", "code"),
    [
        (Problem(422, "invalid", "prompt: is required"), 200, Code.INVALID),
        (Problem(429, QUEUE_FULL, "no room"), 200, Code.QUEUE_FULL),
        (Problem(413, "body_too_large", "too large"), 413, Code.INVALID),
        (Problem(503, "unavailable", "later"), 503, Code.FAILURE),
        (Problem(404, "not_found", "gone"), 404, Code.INVALID),
    ],
)
def test_a_problem_has_a_code_that_clients_know(problem: Problem, status: int, code: Code) -> None:
    response = problem_response(problem)
    body = orjson.loads(response.body)
    assert (response.status_code, body["code"], body["result"]) == (status, code, None)
    assert body["description"] == problem.detail


def test_the_headers_of_a_problem_are_sent() -> None:
    response = problem_response(Problem(503, "unavailable", "later", headers={"Retry-After": "7"}))
    assert response.headers["retry-after"] == "7"
    assert response.headers["access-control-allow-origin"] == "*"


def test_an_error_has_its_properties_and_no_result() -> None:
    response = error_response(SubmitError(Code.BANNED, "leave it out", bannedWord="gore"))
    assert orjson.loads(response.body) == {
        "code": 24,
        "description": "leave it out",
        "result": None,
        "properties": {"bannedWord": "gore"},
    }


def test_an_answer_404_has_a_state_as_a_task_has() -> None:
    missing = error_response(SubmitError(Code.NOT_FOUND, "There is no such task.", status=404))
    assert orjson.loads(missing.body)["state"] is None
    assert "state" not in orjson.loads(error_response(SubmitError(Code.NOT_FOUND, "no parent")).body)


def test_a_dialog_has_the_words_and_the_member_that_web_clients_compare() -> None:
    body = orjson.loads(dialog_response(7, {"finalPrompt": "a cat"}).body)
    assert (body["code"], body["description"]) == (21, "Waiting for window confirm")
    assert (body["properties"]["remix"], body["properties"]["finalPrompt"]) == (True, "a cat")


def test_json_has_no_spaces_between_code_and_value() -> None:
    assert b'"code":24,' in error_response(SubmitError(Code.BANNED, "x")).body


def test_a_long_error_text_is_cut() -> None:
    assert len(short_text("x" * 5000)) == 1000
