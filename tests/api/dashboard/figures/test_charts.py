"""Charts: series by time, points of lines, bars of a timeline."""

from datetime import UTC, datetime, timedelta

from api.dashboard.figures.charts import BUCKETS, series, spans, sparkline
from models.queries.dashboard.figures import BUCKET

NOW = datetime(2026, 11, 30, 12, 10, tzinfo=UTC)
START = datetime(2026, 11, 30, 12, tzinfo=UTC)


def test_a_series_ends_with_the_present_bucket() -> None:
    found = series({START: 3, START - timedelta(seconds=BUCKET): 2, START - timedelta(days=2): 9}, NOW)
    assert len(found) == BUCKETS
    assert found[-2:] == [2, 3]
    assert sum(found) == 5


def test_a_line_has_its_unfinished_part_apart() -> None:
    line = sparkline([0, 1, 4, 2])
    assert line.peak == 4
    assert len(line.whole.split()) == 3
    assert len(line.partial.split()) == 2
    assert line.whole.split()[-1] == line.partial.split()[0]
    assert sparkline([0, 0]).is_flat


def test_bars_lie_within_the_whole_and_none_is_invisible() -> None:
    parts = [
        ("wait", START, START + timedelta(seconds=9)),
        ("call", START + timedelta(seconds=9), START + timedelta(seconds=10)),
        ("store", START + timedelta(seconds=10), START + timedelta(seconds=9)),
    ]
    found = spans(parts)
    assert [bar.kind for bar in found] == ["wait", "call", "store"]
    assert (found[0].x, found[0].width) == (0, 900)
    assert all(bar.width >= 4 and bar.x <= 996 for bar in found)
    assert spans([]) == []
