"""Upper bounds of histogram buckets, for jobs and calls that take minutes rather than milliseconds."""

WAIT = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
"""Seconds that a job waits."""
CALL = (0.5, 1, 2, 4, 8, 15, 30, 45, 60, 90, 120, 180, 300, 600)
"""Seconds of a provider's call, and of a job from its lease to its end."""
CAMPAIGN = (60, 300, 900, 1800, 3600, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800)
"""Seconds of a campaign: a minute to a week."""
SHORT = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""Seconds of one operation of the storage or one webhook message."""
TRANSACTION = (0.001, 0.005, *SHORT)
"""Seconds of a transaction, and of the wait for its connection."""
LAG = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
"""Seconds by which an event loop is late."""
BYTES = tuple(size * 1024 for size in (16, 64, 256, 1024, 2048, 4096, 8192, 16384, 32768))
"""Bytes of one stored image."""
TOKENS = (16, 64, 256, 1024, 4096, 16384, 65536)
"""Tokens of one call."""
RATIO = (0.1, 0.5, 0.75, 0.9, 0.99, 1.01, 1.1, 1.25, 1.5, 2, 5)
"""Settled cost of a call, in relation to what was reserved: 1.1 means 10 % more."""
