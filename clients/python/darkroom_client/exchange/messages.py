"""HTTP messages as values, and the reading of responses: JSON, problem documents, Retry-After."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from darkroom_client.errors import ApiError, FieldError, InvalidResponse, api_error_class

_PHRASES: Mapping[int, str] = {status.value: status.phrase for status in HTTPStatus}
NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Request:
    """A request, whole. ``repeatable``: executing it twice does no more than once."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    timeout: float = 30.0  #: seconds without a byte
    repeatable: bool = False


@dataclass(frozen=True, slots=True)
class Response:
    """A response, whole. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300


def read_json(response: Response) -> Any:
    """Return the JSON of a successful response. Raises ``ApiError`` and ``InvalidResponse``."""
    if not response.is_success:
        raise read_problem(response)
    if response.status == HTTPStatus.NO_CONTENT:
        return None
    found = _parse(response.content)
    if found is None:
        raise InvalidResponse("The server does not answer like Darkroom; check DARKROOM_URL.")
    return found


def read_problem(response: Response) -> ApiError:
    """Return the error of an unsuccessful response, whatever its body is."""
    body = _parse(response.content)
    problem: Mapping[str, Any] = body if isinstance(body, dict) else {}
    detail = problem.get("detail") or problem.get("title") or _status_line(response.status, body)
    return api_error_class(response.status)(
        response.status,
        str(detail),
        code=str(problem.get("code") or ""),
        errors=_field_errors(problem.get("errors")),
        request_id=str(problem.get("request_id") or ""),
        retry_after=retry_after(response.headers),
        problem=problem,
    )


def retry_after(headers: Mapping[str, str], *, now: datetime | None = None) -> float | None:
    """Return the seconds of Retry-After (RFC 9110: seconds or a date), or ``None``."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit() and len(text) <= 9:
        return float(text)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    aware = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, (aware - (now or datetime.now(UTC))).total_seconds())


def _parse(content: bytes) -> Any:
    """Return the value of a JSON text, or ``None``."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _status_line(status: int, body: object) -> str:
    if isinstance(body, dict):
        return f"The server answered {status}."
    phrase = _PHRASES.get(status, "")
    return f"The server answered {status} {phrase}".rstrip() + "."


def _field_errors(errors: object) -> list[FieldError]:
    if not isinstance(errors, list):
        return []
    return [
        FieldError(str(each.get("field", "")), str(each.get("message", "")))
        for each in errors
        if isinstance(each, dict)
    ]
