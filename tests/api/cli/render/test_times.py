"""Durations, ages and points in time as text."""

from datetime import UTC, datetime, timedelta

import pytest

from api.cli.render.times import age, duration, shown_time


@pytest.mark.parametrize(
    ("seconds", "shown"), [(0, "0s"), (-5, "0s"), (59, "59s"), (60, "1m"), (7200, "2h"), (172_800, "2d")]
)
def test_an_age_is_shown_in_its_largest_unit(seconds: int, shown: str) -> None:
    created = datetime(2026, 1, 1, tzinfo=UTC)
    assert age("2026-01-01T00:00:00.000Z", created + timedelta(seconds=seconds)) == shown


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.45, "0.45 s"),
        (7.5, "7.5 s"),
        (89, "89 s"),
        (90, "2 min"),
        (5_340, "89 min"),
        (5_400, "1 h 30 min"),
        (10_800, "3 h"),
        (172_800, "2 d"),
        (200_000, "2 d 7 h"),
    ],
)
def test_a_duration_has_at_most_two_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_time_is_shown_without_fractions_of_a_second() -> None:
    assert shown_time("2026-01-01T08:30:05.123Z") == "2026-01-01 08:30:05Z"
    assert shown_time(None) == ""
