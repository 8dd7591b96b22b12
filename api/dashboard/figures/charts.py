"""Small charts as SVG: numbers become points here, and the template draws them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from models.queries.dashboard.figures import BUCKET

BUCKETS = 48  #: of a series over 24 hours
WIDTH, HEIGHT = 132, 32  #: of a sparkline


@dataclass(frozen=True, slots=True)
class Sparkline:
    """Points of a line: of the whole buckets, and of the part of the present one, which is dashed."""

    values: Sequence[float]
    whole: str
    partial: str
    area: str
    peak: float

    @property
    def is_flat(self) -> bool:
        """Whether nothing happened."""
        return self.peak == 0


def series(values: Mapping[datetime, float], until: datetime) -> list[float]:
    """Return one value for each of the ``BUCKETS`` up to the present one; those without any are 0."""
    last = int(until.timestamp()) // BUCKET * BUCKET
    by_start = {int(start.timestamp()): value for start, value in values.items()}
    return [by_start.get(last - BUCKET * back, 0.0) for back in reversed(range(BUCKETS))]


def sparkline(values: Sequence[float]) -> Sparkline:
    """Return the points of a sparkline from 0 to the largest value."""
    peak = max(values, default=0.0)
    step = WIDTH / max(len(values) - 1, 1)
    heights = [HEIGHT - 2 - (HEIGHT - 6) * (value / peak if peak else 0) for value in values]
    points = [f"{at * step:.1f},{height:.1f}" for at, height in enumerate(heights)]
    whole = points[:-1]
    area = " ".join([f"0,{HEIGHT}", *whole, f"{(len(points) - 2) * step:.1f},{HEIGHT}"]) if whole else ""
    return Sparkline(values, " ".join(whole), " ".join(points[-2:]), area, peak)


@dataclass(frozen=True, slots=True)
class Span:
    """A bar of a timeline: what it is, and where it lies, in thousandths of the whole."""

    kind: str
    x: int
    width: int


def spans(parts: Sequence[tuple[str, datetime, datetime]]) -> list[Span]:
    """Return the bars of time spans on one line that holds them all; none is invisible."""
    if not parts:
        return []
    start, end = min(part[1] for part in parts), max(part[2] for part in parts)
    whole = max((end - start) / timedelta(seconds=1), 0.001)
    found = []
    for kind, begin, finish in parts:
        x = round((begin - start).total_seconds() / whole * 1000)
        width = round(max((finish - begin).total_seconds(), 0) / whole * 1000)
        found.append(Span(kind, min(x, 996), max(width, 4)))
    return found
