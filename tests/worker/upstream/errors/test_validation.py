"""A validation error is known by its shape, or by its words."""

from typing import Any

import pytest

from worker.upstream.errors.validation import is_validation_error
from worker.upstream.matching import normalize
from worker.upstream.parsing.error_object import ErrorObject, find_error


def recognised(body: dict[str, Any], status: int | None = 400) -> bool:
    error = find_error(body) or ErrorObject()
    return is_validation_error(error, normalize(f"{error.message} {' '.join(error.names)}"), status)


@pytest.mark.parametrize(
    "body",
    [
        {"detail": [{"loc": ["body", "style"], "msg": "x", "type": "y"}]},
        {"detail": [{"type": "extra_forbidden", "msg": "x"}]},
        {"error": {"message": "x", "param": "style"}},
        {"error": {"message": "x", "details": [{"fieldViolations": [{"field": "a"}], "description": "y"}]}},
        {"error": {"message": "x", "type": "ValidationError"}},
        {"message": "x", "issues": [{"path": ["style"], "code": "custom"}]},
        {"error": "Extra inputs are not permitted"},
        {"error": "style: Input should be 'vivid' or 'natural'"},
        {"error": "size must be one of 1:1, 2:3"},
        {"error": "缺少必填参数 prompt"},
    ],
)
def test_a_validation_error_is_recognised(body: dict[str, Any]) -> None:
    assert recognised(body)


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "The model `x` does not exist", "param": "model"}},
        {"detail": [{"loc": ["body", "model"], "msg": "unknown"}]},
        {"error": {"message": "Incorrect API key provided", "param": None}},
        {"error": {"message": "Invalid key", "type": "upstream_error", "param": "429"}},
        {"error": {"message": "insufficient balance", "type": "invalid_request_error"}},
    ],
)
def test_another_error_is_not(body: dict[str, Any]) -> None:
    assert not recognised(body)


@pytest.mark.parametrize("status", [401, 402, 403, 429, 503])
def test_a_status_about_something_else_is_no_validation_error(status: int) -> None:
    assert not recognised({"error": {"message": "x", "param": "style"}}, status)
