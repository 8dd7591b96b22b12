"""Six kinds of 429, and when a provider permits the next call."""

from datetime import timedelta

import orjson
import pytest

from models.outcomes import CallLimit
from tests.worker.upstream.bodies import REQUEST_ID, chat_body, classified, error, summary
from worker.upstream.response_headers import Bucket, rate_limits

DATE = "Wed, 11 Jun 2025 10:00:00 GMT"


def google(quota: str, delay: object = "30s") -> dict[str, object]:
    """Return an error of Google: its message is the same for all limits."""
    details = [{"violations": [{"quotaId": quota}]}, {"retryDelay": delay}]
    return error("You exceeded your current quota.", code=429, status="RESOURCE_EXHAUSTED", details=details)


def packed(inner: object) -> dict[str, object]:
    """Return an error that a router packed into its own."""
    raw = orjson.dumps(inner).decode()
    return error("Provider returned error", code=429, metadata={"raw": raw, "provider_name": "Google"})


PER_DAY, PER_MINUTE = "GenerateRequestsPerDayPerProject-FreeTier", "GenerateRequestsPerMinutePerProject"


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (429, b"", "rate_limited"),
        (
            429,
            error("Request was rejected due to rate limiting. Details: IPM limit reached."),
            "rate_limited",
        ),
        (429, error("x", code="RateLimitExceeded.EndpointRPMExceeded"), "rate_limited"),
        (429, error("x", code="ModelAccountIpmRateLimitExceeded"), "rate_limited"),
        (429, {"code": "Throttling.AllocationQuota", "message": "Allocated quota exceeded"}, "rate_limited"),
        (429, error("Resource has been exhausted (e.g. check quota).", status="x"), "rate_limited"),
        (429, error("リクエストが多すぎます。"), "rate_limited"),
        (403, error("Rate limit exceeded", type="shell_api_error"), "rate_limited"),
        (500, error("bad response status code 429", type="upstream_error"), "rate_limited"),
        (500, error("x", code=429), "rate_limited"),
        (200, error("Provider returned error", code=429), "rate_limited"),
        (429, google(PER_MINUTE), "rate_limited"),
        (429, packed(google(PER_MINUTE)), "rate_limited"),
        (429, [google(PER_MINUTE)], "rate_limited"),
        (429, error("Concurrency limit exceeded for user", type="rate_limit_error"), "concurrency_limited"),
        (429, {"code": 429, "msg": "並發數超過限制"}, "concurrency_limited"),
        (429, error("maximum number of simultaneous requests"), "concurrency_limited"),
        (429, google(PER_DAY), "daily_limit key"),
        (429, packed(google(PER_DAY)), "daily_limit key"),
        (429, [google(PER_DAY)], "daily_limit key"),
        (
            429,
            error("Limit reached on requests per day (RPD)", code="rate_limit_exceeded"),
            "daily_limit key",
        ),
        (429, error("今日額度已用完，請明天再試"), "daily_limit key"),
        (429, error("當前分組上游負載已飽和", type="upstream_error"), "upstream_saturated"),
        (429, error("The current group upstream load is saturated"), "upstream_saturated"),
        (429, error("x", code="ServerOverloaded", type="TooManyRequests"), "upstream_saturated"),
        (529, {"type": "error", "error": {"type": "overloaded_error", "message": "x"}}, "upstream_saturated"),
        (425, b"", "upstream_saturated"),
        (429, error("no available image quota", type="upstream_error"), "upstream_quota provider"),
    ],
)
def test_the_kinds_of_429_are_distinguished(status: int, body: object, expected: str) -> None:
    result = classified(status, body)
    assert summary(result) == "retry " + expected
    assert result.billed == "no"


@pytest.mark.parametrize(
    ("text", "calls", "seconds"),
    [
        ("您已达到请求数限制：5分钟内最多请求10次", 10, 300),
        ("您已達到總請求數限制：3分鐘內最多請求20次，包括失敗次數", 20, 180),
        ("1小时内最多请求100次", 100, 3600),
        ("You have reached the request limit: maximum 3 requests in 2 minutes", 3, 120),
        ("rate limit: at most 60 requests per minute", 60, 60),
    ],
)
def test_a_limit_in_words_is_a_wait_and_a_limit(text: str, calls: int, seconds: int) -> None:
    for result in (
        classified(429, error(text + REQUEST_ID, type="new_api_error")),
        classified(200, chat_body(text)),
    ):
        assert summary(result) == "retry rate_limited"
        assert result.limit == CallLimit(calls, timedelta(seconds=seconds))


def test_no_limit_is_made_up() -> None:
    for text in ("Rate limit", "1分钟内最多请求0次", "limit of 5 requests per 0 minutes"):
        assert classified(429, error(text)).limit is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after-ms": "250.5", "retry-after": "9"}, 0.2505),
        ({"retry-after-ms": "-5"}, 0),
        ({"retry-after-ms": "abc", "retry-after": "3"}, 3),
        ({"retry-after": " 12 "}, 12),
        ({"retry-after": "-0.5"}, 0),
        ({"retry-after": "1m30s"}, 90),
        ({"retry-after": "5, 5"}, 5),
        ({"retry-after": "Wednesday, 11-Jun-25 10:02:00 GMT", "date": DATE}, 120),
        ({"retry-after": "Wed Jun 11 10:00:05 2025", "DATE": DATE}, 5),
        ({"retry-after": "Wed, 11 Jun 2025 09:00:00 GMT", "date": DATE}, 0),
        ({"retry-after": "2025-06-11T10:00:45Z", "date": DATE}, 45),
        ({"retry-after": "1749636030", "date": DATE}, 30),
        ({"retry-after": "later"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "99999999"}, 31 * 86400),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1749636015", "date": DATE}, 15),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1749636015"}, None),
        ({"x-rate-limit-remaining": "0", "x-rate-limit-reset": "12"}, 12),
        ({"RateLimit-Remaining": "0", "RateLimit-Reset": "7"}, 7),
        ({"ratelimit": "limit=10, remaining=0, reset=7"}, 7),
        ({"ratelimit": '"burst";r=5;t=1, "day"; r=0; t=3600'}, 3600),
        ({"ratelimit-policy": '"burst";q=10;w=60'}, None),
        ({"x-ratelimit-remaining-tokens": "5", "x-ratelimit-reset-tokens": "3s"}, None),
        (
            {
                "anthropic-ratelimit-requests-remaining": "0",
                "anthropic-ratelimit-requests-reset": "2025-06-11T18:00:30+08:00",
                "date": DATE,
            },
            30,
        ),
    ],
)
def test_a_wait_in_headers(headers: dict[str, str], seconds: float | None) -> None:
    found = classified(429, headers=headers).retry_after
    assert found == (None if seconds is None else timedelta(seconds=seconds))


LIMITED = {"message": "x", "code": "rate_limit_exceeded"}


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        ({"error": {**LIMITED, "retry_after": 17}}, 17),
        ({"error": LIMITED, "retry_after": 17.5}, 17.5),
        ({"error": {**LIMITED, "retryAfter": "8s"}}, 8),
        ({"error": {**LIMITED, "retry_after_ms": 2500}}, 2.5),
        ({"error": {**LIMITED, "reset_at": "2025-06-11T10:00:20Z"}}, 20),
        ({"error": {**LIMITED, "metadata": {"retry_after_seconds": 12}}}, 12),
        ({"error": {**LIMITED, "metadata": {"headers": {"Retry-After": "9"}}}}, 9),
        ({"error": {**LIMITED, "metadata": {"headers": {"X-RateLimit-Reset": "1749636060000"}}}}, 60),
        ({"error": {**LIMITED, "retry_after": None}}, None),
        ({"error": {**LIMITED, "retry_after": ["x"]}}, None),
        (google(PER_MINUTE, "500ms"), 0.5),
        (google(PER_MINUTE, {"seconds": 4, "nanos": 500000000}), 4.5),
        (packed(google(PER_MINUTE, "41.5s")), 41.5),
        (error(orjson.dumps(google(PER_MINUTE, "9s")).decode() + REQUEST_ID, type="upstream_error"), 9),
    ],
)
def test_a_wait_in_the_body(body: object, seconds: float | None) -> None:
    result = classified(429, body, headers={"Date": DATE})
    assert summary(result) == "retry rate_limited"
    assert result.retry_after == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Please try again in 6m0s.", 360),
        ("Please retry in 57.238747106s.", 57.238747106),
        ("Please try again in 450ms. Contact us", 0.45),
        ("try again after 2 hours", 7200),
        ("Try again in about an hour.", 3600),
        ("the limit resets in 23 hours and 12 minutes", 83520),
        ("Please wait 15 seconds", 15),
        ("try again in 1 day", 86400),
        ("retry after: 10s", 10),
        ('"Retry-After": 30', 30),
        ("请在 30 秒后重试", 30),
        ("請在 5 分鐘後重試", 300),
        ("请等待45秒", 45),
        ("1小時內最多請求100次", 3600),
        ("30秒後に再試行してください", 30),
        ("try again tomorrow", None),
        ("in 10 seconds you can retry", None),
    ],
)
def test_a_wait_in_words(text: str, seconds: float | None) -> None:
    found = classified(429, error("Rate limit: " + text)).retry_after
    assert found == (None if seconds is None else timedelta(seconds=seconds))


def test_headers_outrank_the_body_and_the_body_its_words() -> None:
    body = {"error": {"message": "try again in 60s", "retry_after": 17}}
    assert classified(429, body, headers={"retry-after": "2"}).retry_after == timedelta(seconds=2)
    assert classified(429, body).retry_after == timedelta(seconds=17)


def test_of_several_exhausted_limits_the_last_one_to_be_reset_decides() -> None:
    headers = {
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "2s",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "1m",
    }
    assert classified(429, headers=headers).retry_after == timedelta(minutes=1)
    assert rate_limits(headers)["requests"] == Bucket(None, 0, 2.0)


def test_no_wait_is_named_where_nothing_is_sent_again() -> None:
    body = error("blocked. try again in 20s", code="moderation_blocked")
    assert classified(400, body, headers={"retry-after": "20"}).retry_after is None


@pytest.mark.parametrize("veto", ["false", " False "])
def test_a_retry_veto_is_obeyed_and_explained(veto: str) -> None:
    result = classified(503, headers={"X-Should-Retry": veto})
    assert summary(result) == "permanent upstream_saturated provider"
    assert "forbids to try again" in result.message
    assert summary(classified(503, headers={"x-should-retry": "true"})) == "retry upstream_saturated"
