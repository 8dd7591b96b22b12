"""Slow start: a channel that was shut or idle takes its calls up over some seconds, not all in one instant.

Jobs that waited for it are all due when it opens again. Where a rate limit is known, it spreads their starts;
where none is, nothing but the calls in flight limits them, and a provider that just came back would meet them
all at once. One that has a limit that nobody told us of would refuse most of them: so that few are under way
when it says so, a channel begins slowly after idling, too, but with enough calls for somebody who waits.
"""

import math
from datetime import datetime, timedelta

AT_ONCE = 10  #: calls after idling; TCP begins with as many (RFC 6928)
RAMP = timedelta(seconds=5)  #: from the first calls to as many as the channel takes


def room_after(opened: datetime | None, now: datetime, concurrency: int, *, at_once: int = 1) -> int:
    """Return how many calls may be in flight ``now`` on a channel that was ``opened`` some time ago."""
    if opened is None or now - opened >= RAMP:
        return concurrency
    return max(min(at_once, concurrency), math.ceil(concurrency * (max(now - opened, timedelta()) / RAMP)))
