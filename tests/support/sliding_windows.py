"""Moments seen through a sliding window."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence


def max_in_window(moments: Sequence[float], seconds: float) -> int:
    """Return the most moments that any window of this length holds; its ends count as inside."""
    times = sorted(moments)
    return max((bisect_right(times, time + seconds) - at for at, time in enumerate(times)), default=0)


def min_in_window(moments: Sequence[float], seconds: float, *, first: float, last: float) -> int:
    """Return the fewest moments that any window of this length between ``first`` and ``last`` holds.

    The emptiest windows begin right after a moment, or at the first one.
    """
    times = sorted(moments)
    begins = [first, *(time for time in times if first <= time <= last - seconds)]
    return min(bisect_left(times, begin + seconds) - bisect_right(times, begin) for begin in begins)
