"""Response headers: Retry-After as RFC 9110 defines it."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from worker.upstream.response_headers import Bucket, http_retry_after, rate_limits, seconds_until

AT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("0.5", 0.5),
        (" 1.5 ", 1.5),
        ("999999999", 999_999_999.0),
        ("Thu, 01 Jan 2026 00:02:00 GMT", 120.0),
        ("Thu, 01 Jan 2026 00:02:00 -0000", 120.0),
        ("Thu, 01 Jan 2026 00:02:00", 120.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("soon", None),
        ("1s", None),
        ("-5", None),
        ("7, 9", None),
        ("1767225600000", None),
        ("2026-01-01T00:02:00Z", None),
        ("Thu, 01 Jan 2026 00:02:00 +99999999999", None),
        ("Thu, 01 Jan 99999 00:02:00 GMT", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_an_http_date(value: str | None, seconds: float | None) -> None:
    assert http_retry_after(value, AT) == seconds


def test_an_http_date_counts_from_now_in_any_time_zone_and_not_without_a_now() -> None:
    date = "Thu, 01 Jan 2026 00:02:00 GMT"
    elsewhere = AT.astimezone(timezone(timedelta(hours=8)))
    assert http_retry_after(date, elsewhere) == 120
    assert http_retry_after(date, None) is None
    assert http_retry_after("7", None) == 7


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("Thu, 01 Jan 2026 00:02:00 GMT", 120.0),
        ("-5", 0.0),
        ("6m0s", 360.0),
        ("20ms", 0.02),
        ("1767225630", 30.0),
        ("1767225630000", 30.0),
        ("2026-01-01T00:02:00Z", 120.0),
        ("nan", None),
        ("soon", None),
    ],
)
def test_a_reset_may_also_be_a_duration_an_epoch_or_an_iso_time(value: str, seconds: float | None) -> None:
    assert seconds_until(value, AT) == seconds


@pytest.mark.parametrize(
    ("value", "buckets"),
    [
        ('"burst" ; r = 5 ;t="1", day;r=0;t=3600;pk=:dGVzdA==:', {"burst": (5, 1), "day": (0, 3600)}),
        ("limit=10, remaining=0;w=60, reset=7", {"default": (0, 7)}),
        ('"burst";r=0;t, day;r=1', {"day": (1, None)}),
        (";r=3", {"default": (3, None)}),
    ],
)
def test_rate_limits_of_the_ietf_draft_are_read_by_name(
    value: str, buckets: dict[str, tuple[float, float | None]]
) -> None:
    found: dict[str, Bucket] = rate_limits({"RateLimit": value})
    assert {name: (bucket.remaining, bucket.reset) for name, bucket in found.items()} == buckets
