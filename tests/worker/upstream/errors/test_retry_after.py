"""Retry-After and rate limits which a provider names in headers, body or message."""

from datetime import timedelta
from typing import Any

import pytest

from models.outcomes import CallLimit
from tests.worker.upstream.bodies import classified, error
from worker.upstream.errors.retry_after import call_limit, retry_after, retry_after_seconds
from worker.upstream.parsing.error_object import ErrorObject


@pytest.mark.parametrize(
    ("headers", "message", "seconds"),
    [
        ({"retry-after-ms": "1500", "retry-after": "9"}, "", 1.5),
        ({"retry-after": "7.5"}, "", 7.5),
        ({"Retry-After": "-3"}, "", 0),
        ({"retry-after": "Wed, 11 Jun 2025 10:00:30 GMT", "date": "Wed, 11 Jun 2025 10:00:00 GMT"}, "", 30),
        ({"retry-after": "Wed, 11 Jun 2025 10:00:30 GMT"}, "", None),
        ({"retry-after": "soon"}, "try again in 1h 5m", 3900),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1m30s"}, "", 90),
        ({"x-ratelimit-remaining": "5", "x-ratelimit-reset": "1m30s"}, "", None),
        ({}, "Please retry after 43 seconds.", 43),
        ({}, "Please try again in 450ms.", 0.45),
        ({}, "您已达到请求数限制：5分钟内最多请求10次", 300),
        ({}, "请30秒后重试", 30),
        ({}, "slow down", None),
    ],
)
def test_the_wait_that_a_provider_names_is_used(
    headers: dict[str, str], message: str, seconds: float | None
) -> None:
    found = classified(429, error(message), headers=headers).retry_after
    assert found == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("layer", "seconds"),
    [
        ({"retry_after": 7}, 7),
        ({"retry_after_ms": 1500}, 1.5),
        ({"retryDelay": "12s"}, 12),
        ({"details": [{"retryDelay": {"seconds": 3, "nanos": 500_000_000}}]}, 3.5),
        ({"metadata": {"headers": {"Retry-After": "9"}}}, 9),
        ({"retry_after": None}, None),
        ({"retry_after": []}, None),
    ],
)
def test_the_wait_in_an_error_object_is_used(layer: dict[str, Any], seconds: float | None) -> None:
    assert retry_after_seconds({}, ErrorObject(layers=(layer,))) == seconds


def test_headers_outrank_the_body_and_the_body_outranks_the_message() -> None:
    error_object = ErrorObject(message="try again in 3s", layers=({"retry_after": 2},))
    assert retry_after_seconds({"retry-after": "1"}, error_object) == 1
    assert retry_after_seconds({}, error_object) == 2
    assert retry_after_seconds({}, ErrorObject(message="try again in 3s")) == 3


def test_a_wait_is_at_most_31_days() -> None:
    assert retry_after({"retry-after": "999999999"}) == timedelta(days=31)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("1分钟内最多请求3次", CallLimit(3, timedelta(minutes=1))),
        ("2 小時內最多請求 100 次", CallLimit(100, timedelta(hours=2))),
        ("Maximum 3 requests per minute", CallLimit(3, timedelta(minutes=1))),
        ("limited to 50 images every 3 hours", CallLimit(50, timedelta(hours=3))),
        ("1分钟内最多请求0次", None),
        ("slow down", None),
    ],
)
def test_the_rate_limit_in_a_message_is_parsed(text: str, limit: CallLimit | None) -> None:
    assert call_limit(text) == limit
