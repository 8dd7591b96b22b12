"""Statuses, pages, streams and broken connections, when no error object explains them."""

import pytest

from tests.worker.upstream.bodies import chat_body, classified, delta, error, page, stream, summary
from worker.upstream.errors.classify import classify
from worker.upstream.parsing.response_reader import read_answer
from worker.upstream.transport_errors import TransportFailure

PROGRESS = delta("> 进度 **40%**\n")


@pytest.mark.parametrize(
    ("status", "expected", "billed"),
    [
        (301, "needs_human wrong_endpoint provider", "no"),
        (308, "needs_human wrong_endpoint provider", "no"),
        (400, "permanent bad_request", "no"),
        (401, "needs_human auth_invalid key", "no"),
        (402, "needs_human quota_exhausted key", "no"),
        (403, "needs_human permission_denied key", "no"),
        (404, "needs_human wrong_endpoint provider", "no"),
        (405, "needs_human wrong_endpoint provider", "no"),
        (407, "needs_human waf_blocked provider", "no"),
        (408, "ambiguous timeout", "unknown"),
        (413, "permanent payload_too_large", "no"),
        (415, "permanent bad_request", "no"),
        (422, "permanent bad_request", "no"),
        (431, "permanent bad_request", "no"),
        (429, "retry rate_limited", "no"),
        (500, "retry upstream_error", "likely_no"),
        (501, "needs_human not_implemented model", "no"),
        (502, "retry upstream_error", "likely_no"),
        (503, "retry upstream_saturated", "no"),
        (504, "ambiguous gateway_timeout", "unknown"),
        (520, "ambiguous gateway_timeout", "unknown"),
        (521, "retry origin_unreachable", "no"),
        (522, "retry origin_unreachable", "no"),
        (523, "retry origin_unreachable", "no"),
        (524, "ambiguous gateway_timeout", "unknown"),
        (525, "retry origin_unreachable", "no"),
        (530, "retry origin_unreachable", "no"),
        (599, "ambiguous gateway_timeout", "unknown"),
    ],
)
def test_a_status_decides_where_nothing_else_does(status: int, expected: str, billed: str) -> None:
    for body in (b"", page(f"{status} Something"), f"error code: {status}".encode()):
        result = classified(status, body)
        assert summary(result) == expected
        assert result.billed == billed


@pytest.mark.parametrize("body", [b"Internal Server Error", error("internal", type="server_error"), b""])
@pytest.mark.parametrize("status", [500, 502])
def test_a_late_server_error_may_hide_a_charged_image(status: int, body: object) -> None:
    assert summary(classified(status, body, elapsed=29)) == "retry upstream_error"
    assert summary(classified(status, body, elapsed=31)) == "ambiguous gateway_timeout"


def test_an_explained_error_keeps_its_meaning_however_late_it_arrives() -> None:
    assert (
        summary(classified(500, error("x", code="moderation_blocked"), elapsed=95)) == "permanent moderation"
    )
    assert (
        summary(classified(500, error("x", code="rate_limit_exceeded"), elapsed=95)) == "retry rate_limited"
    )


CHALLENGE = page("Just a moment...", "Enable JavaScript and cookies to continue")


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (403, CHALLENGE, {}),
        (503, CHALLENGE, {}),
        (200, CHALLENGE, {}),
        (429, b"", {"CF-Mitigated": "challenge"}),
        (403, b"error code: 1020", {}),
        (403, b"error code: 1009", {}),
        (403, page("Access denied | x used Cloudflare to restrict access", "Error 1020"), {}),
        (403, {"title": "Error 1020: Access denied", "status": 403, "detail": "x", "error_code": 1020}, {}),
        (403, page("ERROR: The request could not be satisfied", "Request blocked."), {}),
        (405, page("405", "您的访问被阻断"), {}),
        (200, chat_body(CHALLENGE.decode()), {}),
    ],
)
def test_a_firewall_calls_for_a_person(status: int, body: object, headers: dict[str, str]) -> None:
    assert summary(classified(status, body, headers=headers)) == "needs_human waf_blocked provider"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (page("Access denied", "<h1>Error 1015</h1> You are being rate limited"), "retry rate_limited"),
        (b"error code: 1015", "retry rate_limited"),
        (
            {"title": "Error 1015: You are being rate limited", "status": 429, "detail": "x"},
            "retry rate_limited",
        ),
        ({"title": "Error 524", "status": 524, "detail": "A timeout occurred."}, "ambiguous gateway_timeout"),
        ({"title": "Error 522", "status": 522, "detail": "Timed out."}, "retry origin_unreachable"),
    ],
)
def test_the_edge_speaks_for_itself_whatever_the_status(body: object, expected: str) -> None:
    assert summary(classified(429, body)) == expected


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (
            400,
            page("400 The plain HTTP request was sent to HTTPS port"),
            "needs_human wrong_endpoint provider",
        ),
        (404, b"404 page not found", "needs_human wrong_endpoint provider"),
        (503, page("x", "<h1>We are down for scheduled maintenance</h1>"), "retry maintenance"),
        (503, page("系統維護中"), "retry maintenance"),
        (403, "余额不足".encode(), "needs_human quota_exhausted key"),
        (500, b"error code: 524", "ambiguous gateway_timeout"),
    ],
)
def test_a_page_or_a_line_explains_its_status(status: int, body: bytes, expected: str) -> None:
    assert summary(classified(status, body)) == expected


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("New API", "needs_human wrong_endpoint provider"),
        ("502 Bad Gateway", "retry upstream_error"),
        ("503 Service Temporarily Unavailable", "retry upstream_error"),
        ("599 Unheard of", "ambiguous gateway_timeout"),
        ("504 Gateway Time-out", "ambiguous gateway_timeout"),
        ("x.com | 524: A timeout occurred", "ambiguous gateway_timeout"),
        ("x.com | 522: Connection timed out", "retry origin_unreachable"),
        ("413 Request Entity Too Large", "permanent payload_too_large"),
        ("You are being rate limited", "retry rate_limited"),
        ("Scheduled maintenance", "retry maintenance"),
    ],
)
def test_a_page_in_the_place_of_an_answer(title: str, expected: str) -> None:
    assert summary(classified(200, page(title))) == expected
    assert summary(classified(200, chat_body(page(title).decode()))) == expected


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([error("The server had an error", type="server_error")], "ambiguous stream_error"),
        ([PROGRESS, error("internal", code=500)], "ambiguous stream_error"),
        ([PROGRESS, error("boom", code=None)], "ambiguous stream_error"),
        ([PROGRESS, error("x", code="rate_limit_exceeded")], "retry rate_limited"),
        ([PROGRESS, {"type": "error", "error": {"type": "overloaded_error"}}], "retry upstream_saturated"),
        ([PROGRESS, error("x", code="moderation_blocked")], "permanent moderation"),
        ([PROGRESS, error("error code: 524")], "ambiguous gateway_timeout"),
        ([PROGRESS, error("x", code=502)], "retry upstream_error"),
        ([PROGRESS, error("x", code=402)], "needs_human quota_exhausted key"),
        ([{"object": "error", "message": "busy now", "code": 429}], "retry rate_limited"),
        ([{**delta("", "error"), "error": {"message": "x"}}], "retry upstream_error"),
        ([{"message": "queued"}, error("无效的令牌", type="new_api_error")], "needs_human auth_invalid key"),
        ([delta("生成失败: upstream"), delta(None, "error")], "retry upstream_error"),
    ],
)
def test_an_error_inside_a_stream(events: list[object], expected: str) -> None:
    assert summary(classified(200, stream(*events))) == expected


def test_named_error_events_may_be_plain_text() -> None:
    assert summary(classified(200, b"event: error\ndata: rate limit exceeded\n\n")) == "retry rate_limited"
    assert summary(classified(200, b"event: error\ndata: boom\n\n")) == "ambiguous stream_error"


@pytest.mark.parametrize(
    ("failure", "expected", "billed"),
    [
        (TransportFailure.DNS_ERROR, "retry connect_error", "no"),
        (TransportFailure.CONNECT_ERROR, "retry connect_error", "no"),
        (TransportFailure.WRITE_ERROR, "retry connect_error", "likely_no"),
        (TransportFailure.STALE_CONNECTION, "retry connect_error", "likely_no"),
        (TransportFailure.UNSENDABLE, "needs_human wrong_endpoint provider", "no"),
        (TransportFailure.READ_TIMEOUT, "ambiguous timeout", "unknown"),
        (TransportFailure.CONNECTION_RESET, "ambiguous connection_lost", "unknown"),
        (TransportFailure.TOO_LARGE, "ambiguous protocol_error", "unknown"),
    ],
)
def test_what_was_sent_decides_what_a_broken_connection_means(
    failure: TransportFailure, expected: str, billed: str
) -> None:
    result = classify(None, failure=failure)
    assert (summary(result), result.billed) == (expected, billed)


def test_a_connection_that_breaks_within_an_answer_keeps_its_error() -> None:
    failed_call = TransportFailure.CONNECTION_RESET
    cut = read_answer(stream(PROGRESS, done=False), complete=False)
    assert summary(classify(cut, status=200, failure=failed_call)) == "ambiguous stream_truncated"
    blocked = read_answer(stream(delta("失败原因：output_moderation"), done=False), complete=False)
    assert summary(classify(blocked, status=200, failure=failed_call)) == "permanent moderation_output"
    refused = read_answer(b'{"error":{"message":"rate limit"}}', failed=True)
    assert summary(classify(refused, status=429, failure=failed_call)) == "retry rate_limited"
