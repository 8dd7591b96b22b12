"""Field types of request schemas."""

from datetime import UTC, datetime

import pytest

from api.jobs.schemas import URL_LIMIT, check_web_url, parse_timestamp


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-01-31T18:00:00Z", datetime(2026, 1, 31, 18, tzinfo=UTC)),
        ("2026-01-31t18:00:00z", datetime(2026, 1, 31, 18, tzinfo=UTC)),
        ("2026-01-31 18:00:00.25+02:00", datetime(2026, 1, 31, 16, 0, 0, 250_000, tzinfo=UTC)),
        (None, None),
    ],
)
def test_a_timestamp_with_an_offset_is_read_as_utc(text: str | None, expected: datetime | None) -> None:
    assert parse_timestamp(text) == expected


@pytest.mark.parametrize(
    "text", ["2026-01-31", "2026-01-31T18:00:00", "2026-02-30T18:00:00Z", "0001-01-01T00:00:00+23:59", 7, ""]
)
def test_a_timestamp_without_an_offset_or_out_of_range_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="time"):
        parse_timestamp(text)


@pytest.mark.parametrize(
    "url", ["http://h", "https://h.example:8080/a?b=c#d", "https://[::1]/x", "https://ü.example/ü"]
)
def test_an_http_url_with_a_host_is_accepted(url: str) -> None:
    assert check_web_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "ftp://h.example",
        "https://",
        "//h.example",
        "https://h.example:0/",
        "https://h.example:99999/",
        "https://[::1",
        "https://h.example/a b",
        "https://h.example/<a>",
        "https://h.example/\r\nX: y",
        "https://h.example/" + "a" * URL_LIMIT,
    ],
)
def test_a_url_without_a_host_or_with_odd_characters_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"http\(s\) URL"):
        check_web_url(url)
