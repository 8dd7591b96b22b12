"""Polling interval of the dispatcher, stretched with the number of workers: all poll one database."""

from dataclasses import dataclass

_MANY_WORKERS = 20  # up to which each polls as often as the settings say; more share these polls
_SHORTEST = 0.02  # seconds between rounds at least
_LONGEST_BACKOFF = 0.02  # seconds after misses at most, on average; stretched with the number of workers


@dataclass(slots=True)
class PollInterval:
    """When one dispatcher polls next.

    ``interval``: the set seconds between polls without a wake-up. ``workers``: alive, this one included.
    ``misses``: rounds in a row that left starts to be decided again, because other dispatchers held all
    channels, or callers whose jobs wait.
    """

    interval: float
    workers: int = 1
    misses: int = 0
    _misses_before: int = 0

    def begin_round(self) -> None:
        """Begin a round, without a miss yet."""
        self._misses_before, self.misses = self.misses, 0

    def miss(self) -> None:
        """Note that other dispatchers hold what this round needs."""
        self.misses = self._misses_before + 1

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
