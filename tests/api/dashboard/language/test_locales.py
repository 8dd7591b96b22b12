"""Languages, numbers and times."""

from datetime import UTC, datetime, timedelta

import pytest

from api.dashboard.language.locales import Locale, catalog_of, preferred

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
ENGLISH, CHINESE = (Locale(name, catalog_of(name), NOW) for name in ("en", "zh_CN"))


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("zh-CN,zh;q=0.9", "zh_CN"),
        ("en-GB", "en"),
        ("de, zh;q=0.4, en;q=0.6", "en"),
        ("de", "en"),
        ("", "en"),
        ("zh;q=x, ,;;", "en"),
    ],
)
def test_the_first_of_our_languages_is_taken(header: str, language: str) -> None:
    assert preferred(header) == language


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "0.0 s"),
        (0.04, "0.0 s"),
        (9.96, "10.0 s"),
        (59, "59 s"),
        (90, "1 min 30 s"),
        (3600, "1 h"),
        (90_061, "1 d 1 h"),
    ],
)
def test_a_duration_has_its_unit_and_is_never_negative(seconds: float, shown: str) -> None:
    assert ENGLISH.duration(seconds) == shown


@pytest.mark.parametrize(
    ("ago", "english", "chinese"),
    [
        (timedelta(), "now", "刚刚"),
        (timedelta(seconds=5), "5.0 s ago", "5.0 秒前"),
        (timedelta(minutes=3, seconds=20), "3 min ago", "3 分钟前"),
        (timedelta(hours=-2), "in 2 h", "2 小时后"),
    ],
)
def test_an_age_is_written_in_the_language(ago: timedelta, english: str, chinese: str) -> None:
    assert ENGLISH.age(NOW - ago) == english
    assert CHINESE.age(NOW - ago) == chinese


def test_amounts_and_numbers_are_written_with_their_unit() -> None:
    assert ENGLISH.money("1234.5", "USD") == "1,234.50 USD"
    assert ENGLISH.money("0.000123", "USD") == "0.000123 USD"
    assert ENGLISH.money(None, "USD") == "–"
    assert ENGLISH.number(1234567) == "1,234,567"
    assert ENGLISH.percent(0.1234) == "12.3 %"
    assert ENGLISH.size(2048) == "2.0 KiB"
    assert CHINESE.moment(NOW) == "2026年11月30日 12:00:00 UTC"
    assert CHINESE.plural("%(count)s worker", "%(count)s workers", 2) == "2 个工作进程"
