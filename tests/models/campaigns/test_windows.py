"""Windows by a zone's clocks, also when these are changed."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from models.campaigns.windows import Opening, Window, next_opening

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = Window(time(22), time(6), BERLIN)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "opens", "closes"),
    [
        ("2026-07-01T12:00", "2026-07-01T20:00", "2026-07-02T04:00"),  # summer: two hours ahead of UTC
        ("2026-12-01T23:00", "2026-12-01T21:00", "2026-12-02T05:00"),
        ("2026-03-28T22:00", "2026-03-28T21:00", "2026-03-29T04:00"),  # clocks go forward: an hour less
        ("2026-10-24T22:00", "2026-10-24T20:00", "2026-10-25T05:00"),  # and back: an hour more
    ],
)
def test_a_window_past_midnight_keeps_to_local_clocks(now: str, opens: str, closes: str) -> None:
    assert next_opening([NIGHT], None, at(now)) == Opening(at(opens), at(closes))


def test_a_time_that_is_left_out_counts_as_the_moment_of_the_change() -> None:
    window = Window(time(2, 30), time(5), BERLIN, frozenset({6}))
    found = next_opening([window], None, at("2026-03-28T12:00"))
    assert found == Opening(at("2026-03-29T01:00"), at("2026-03-29T03:00"))


def test_a_window_of_which_a_change_leaves_nothing_opens_a_week_later() -> None:
    window = Window(time(2), time(3), BERLIN, frozenset({6}))
    found = next_opening([window], None, at("2026-03-28T12:00"))
    assert found == Opening(at("2026-04-05T00:00"), at("2026-04-05T01:00"))


def test_windows_that_touch_are_one_and_days_are_those_of_the_start() -> None:
    windows = [
        Window(time(20), time(0), BERLIN, frozenset({4})),
        Window(time(0), time(6), BERLIN, frozenset({5})),
    ]
    found = next_opening(windows, None, at("2026-07-01T12:00"))  # a Wednesday
    assert found == Opening(at("2026-07-03T18:00"), at("2026-07-04T04:00"))


def test_a_start_time_holds_without_and_within_windows() -> None:
    start = at("2026-07-05T21:00")
    assert next_opening([], start, at("2026-07-01T12:00")) == Opening(start, None)
    assert next_opening([NIGHT], start, at("2026-07-01T12:00")) == Opening(start, at("2026-07-06T04:00"))
    assert next_opening([], start, at("2026-07-06T12:00")) == Opening(None, None)


def test_an_opening_holds_from_its_beginning_until_before_its_end() -> None:
    opening = Opening(at("2026-07-01T20:00"), at("2026-07-02T04:00"))
    held = [opening.is_open(at(f"2026-07-0{text}")) for text in ("1T19:59", "1T20:00", "2T03:59", "2T04:00")]
    assert held == [False, True, True, False]
