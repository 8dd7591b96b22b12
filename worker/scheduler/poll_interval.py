"""Polling interval of the dispatcher, stretched with the number of workers: all poll one database."""

from dataclasses import dataclass

_MANY_WORKERS = 20  # up to which each polls as often as the settings say; more share these polls
_SHORTEST = 0.02  # seconds between rounds at least
_LONGEST_BACKOFF = 0.02  # seconds after misses at most, on average; stretched with the number of workers


@dataclass(slots=True)
class PollInterval:
    """When one dispatcher polls next.

    ``interval``: the set seconds between polls without a wake-up. ``workers``: alive, this one included.
    ``misses``: rounds in a row in which other dispatchers held all channels.
    """

    interval: float
    workers: int = 1
    misses: int = 0

    @property
    def seconds(self) -> float:
        """Seconds until the next poll without a wake-up; a poll of any worker serves all."""
        return self.interval * self._stretch

    def backoff(self, jitter: float) -> float:
        """Return the seconds until the next round at least; ``jitter`` is from 0 to 1."""
        if not self.misses:
            return _SHORTEST
        return min(_SHORTEST * float(1 << min(self.misses, 10)), _LONGEST_BACKOFF * self._stretch) * (
            0.5 + jitter
        )

    @property
    def _stretch(self) -> float:
        return max(1.0, self.workers / _MANY_WORKERS)
