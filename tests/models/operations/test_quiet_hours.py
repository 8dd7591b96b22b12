"""Quiet hours, over midnight and in a time zone."""

from datetime import UTC, datetime

import pytest

from models.operations.quiet_hours import QuietHours


def at(clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-01-15T{clock}:00").replace(tzinfo=UTC)


def test_a_span_over_midnight_holds_on_both_sides() -> None:
    quiet = QuietHours.parse("22:00-07:00")
    assert [quiet.hold(at(clock)) for clock in ("21:59", "22:00", "03:00", "06:59", "07:00")] == [
        *(False, True, True, True, False)
    ]


def test_the_zone_counts() -> None:
    quiet = QuietHours.parse("12:00-13:00 Asia/Shanghai")
    assert (quiet.hold(at("04:30")), quiet.hold(at("12:30"))) == (True, False)


@pytest.mark.parametrize("text", ["", "22-7", "25:00-07:00", "22:00-07:00 Nowhere/Else", "22:00 07:00"])
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="22:00-07:00"):
        QuietHours.parse(text)
