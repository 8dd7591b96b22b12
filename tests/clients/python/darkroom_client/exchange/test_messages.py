"""Reading of responses."""

from datetime import UTC, datetime

import pytest

from darkroom_client import (
    ApiError,
    Conflict,
    Forbidden,
    InvalidRequest,
    InvalidResponse,
    NotFound,
    ServerError,
    TooManyRequests,
    Unauthorized,
)
from darkroom_client.exchange.messages import Response, read_json, read_problem, retry_after

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequest),
        (401, Unauthorized),
        (403, Forbidden),
        (404, NotFound),
        (409, Conflict),
        (422, InvalidRequest),
        (429, TooManyRequests),
        (418, ApiError),
        (500, ServerError),
        (503, ServerError),
    ],
)
def test_each_status_has_its_error(status: int, kind: type[ApiError]) -> None:
    assert type(read_problem(Response(status, {}, b"{}"))) is kind


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (Response(409, {}, b'{"title": "Conflict", "detail": "It is finished."}'), "It is finished."),
        (Response(409, {}, b'{"title": "Conflict"}'), "Conflict"),
        (Response(409, {}, b"{}"), "The server answered 409."),
        (Response(502, {}, b"<html>"), "The server answered 502 Bad Gateway."),
        (Response(599, {}, b"<html>"), "The server answered 599."),
    ],
)
def test_an_error_has_its_most_precise_text(response: Response, message: str) -> None:
    assert str(read_problem(response)) == message


@pytest.mark.parametrize("content", [b"<html>", b"", b"null", b"[" * 100_000, b"\xff"])
def test_a_success_without_json_is_not_darkroom_s(content: bytes) -> None:
    with pytest.raises(InvalidResponse, match="DARKROOM_URL"):
        read_json(Response(200, {}, content))


def test_no_content_is_none() -> None:
    assert read_json(Response(204)) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7),
        ("Thu, 01 Jan 2026 00:00:30 GMT", 30),
        ("Wed, 31 Dec 2025 00:00:00 GMT", 0),
        ("soon", None),
        ("-1", None),
        ("", None),
        ("٣", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": text}, now=NOW) == seconds
