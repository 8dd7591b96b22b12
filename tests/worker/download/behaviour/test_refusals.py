"""What an answer without the picture means."""

from datetime import UTC, datetime, timedelta

import pytest

from worker.download.downloader import classify_refusal

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
OLD = timedelta(hours=1)


@pytest.mark.parametrize(
    ("status", "body", "code", "retryable"),
    [
        (400, b"<Code>ExpiredToken</Code>", "asset_expired", False),
        (403, b"<Message>Request has expired</Message>", "asset_expired", False),
        (403, b"Signature not valid in the specified time frame", "asset_expired", False),
        (403, b'{"error":"URL expired"}', "asset_expired", False),
        (404, b"link has expired", "asset_expired", False),
        (403, b"<html>Attention required</html>", "asset_forbidden", True),
        (403, b"<?xml version='1.0'?><Code>AccessDenied</Code>", "asset_forbidden", False),
        (401, b"", "asset_forbidden", False),
        (404, b"", "asset_not_found", False),
        (410, b"", "asset_not_found", False),
        (400, b"", "asset_unreachable", False),
        (405, b"", "asset_unreachable", False),
        (408, b"", "asset_unreachable", True),
        (425, b"", "asset_unreachable", True),
        (429, b"", "asset_unreachable", True),
        (202, b"", "asset_unreachable", True),
        (500, b"", "asset_unreachable", True),
        (503, b"has expired", "asset_unreachable", True),
        (522, b"<html>", "asset_unreachable", True),
    ],
)
def test_a_refusal_is_judged_by_status_and_words(
    status: int, body: bytes, code: str, retryable: bool
) -> None:
    error = classify_refusal(status, {}, body, age=OLD, now=NOW)
    assert (error.code, error.retryable, error.retry_after) == (code, retryable, None)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("3", 3.0),
        (" 1.5 ", 1.5),
        ("0", 0.0),
        ("999999", 3600.0),
        ("-1", None),
        ("soon", None),
        ("", None),
        ("Thu, 01 Jan 2026 12:00:30 GMT", 30.0),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0.0),
        ("Thu, 01 Jan 2026 12:00:30 -0000", 30.0),
        ("Thu, 01 Jan 2026 12:00:30 +99999999999", None),
    ],
)
def test_retry_after_of_a_refusal_is_honoured_up_to_an_hour(value: str | None, seconds: float | None) -> None:
    headers = {} if value is None else {"retry-after": value}
    assert classify_refusal(503, headers, b"", age=OLD, now=NOW).retry_after == seconds
