"""Response headers of many digits: a provider's 64 kB of them cost no more than real ones."""

import string
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.upstream.errors.retry_after import retry_after_seconds
from worker.upstream.response_headers import http_retry_after, parse_duration, rate_limits, seconds_until

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LONGEST = 64  # characters of a value that is converted
PARTS = st.sampled_from(
    [*string.digits, *"smhd.:,;=\"' -+TZeE_", "9" * 40, "ms", "1h", " " * 30, "\t;", "limit=", "remaining="]
)
LONG = st.lists(PARTS, min_size=1, max_size=400).map("".join).map(lambda text: text + "9" * LONGEST + "x")


@given(LONG)
def test_a_value_longer_than_any_real_one_is_not_converted(value: str) -> None:
    assert parse_duration(value) is None
    assert http_retry_after(value, NOW) is None
    assert seconds_until(value, NOW) is None


@given(st.dictionaries(st.sampled_from(["limit", "remaining", "reset"]), LONG), LONG)
def test_long_rate_limits_are_left_out(members: dict[str, str], item: str) -> None:
    headers = {f"x-ratelimit-{name}-requests": value.replace(",", "") for name, value in members.items()}
    assert rate_limits(headers) == {}
    found = rate_limits({"ratelimit": item})
    assert len(found) <= 32


@pytest.mark.parametrize("digits", [4000, 5000])  # Python refuses to convert more than 4,300
@pytest.mark.parametrize("name", ["retry-after", "retry-after-ms", "x-ratelimit-reset", "date"])
def test_digits_in_any_header_are_ignored(name: str, digits: int) -> None:
    assert retry_after_seconds({name: "9" * digits}) is None


@pytest.mark.parametrize(
    "value",
    [
        "a;" + "b=" + " ;b= " * 200,  # took a time exponential in its length
        '"' + "x" * 1000,
        "a" + ";b=c " * 200,
        ",limit=" * 150,
        ",".join(["a;r=1"] * 200),
    ],
)
def test_a_rate_limit_of_many_parts_is_read_in_bounded_parts(value: str) -> None:
    assert len(rate_limits({"ratelimit": value, "ratelimit-policy": value})) <= 32
