"""OpenAI's error object of a problem: ``{message, type, param, code}``.

Source: the API reference's "Error codes", and the official SDK, which reads these members of ``error``.
"""

from collections.abc import Mapping
from typing import Any

from api.web.problems import Problem, storable_text

INVALID_REQUEST = "invalid_request_error"
SERVER_ERROR = "server_error"
INSUFFICIENT = "insufficient_quota"  #: type, and code, of an account without money
_STATUSES: Mapping[int, int] = {422: 400}  # OpenAI answers every faulty member with 400
_TYPES: Mapping[int, str] = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_CODES: Mapping[str, str] = {
    "unauthorized": "invalid_api_key",
    "unserved_model": "model_not_found",
    "invalid": "invalid_value",
}
_MISSING = "missing_required_parameter"
_UNSERVED = 404


def error_status(problem: Problem) -> int:
    """Return the HTTP status with which OpenAI's clients expect a problem."""
    if problem.code == "unserved_model":
        return _UNSERVED
    return _STATUSES.get(problem.status, problem.status)


def error_object(problem: Problem) -> dict[str, Any]:
    """Return the member ``error`` of a problem's response."""
    first = problem.errors[0] if problem.errors else None
    code = _CODES.get(problem.code, problem.code)
    if first is not None and code == "invalid_value" and first["message"].startswith("is required"):
        code = _MISSING
    kind = SERVER_ERROR if problem.status >= 500 else _TYPES.get(problem.status, INVALID_REQUEST)
    kind = INSUFFICIENT if code == INSUFFICIENT else kind
    return {
        "message": storable_text(problem.detail),
        "type": kind,
        "param": None if first is None else first["field"],
        "code": code,
    }
