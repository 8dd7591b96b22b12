"""Slow start: a channel that was shut takes its calls up over some seconds, not all in one instant.

Jobs that waited for it are all due when it opens again. Where a rate limit is known, it spreads their starts;
where none is, nothing but the calls in flight limits them, and a provider that just came back would meet them
all at once.
"""

import math
from datetime import datetime, timedelta

RAMP = timedelta(seconds=5)  #: from the first calls to as many as the channel takes


def room_after(opened: datetime | None, now: datetime, concurrency: int) -> int:
    """Return how many calls may be in flight ``now`` on a channel that was ``opened`` again some time ago."""
    if opened is None or now - opened >= RAMP:
        return concurrency
    return max(1, math.ceil(concurrency * (max(now - opened, timedelta()) / RAMP)))
