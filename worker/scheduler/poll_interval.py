"""How long a dispatcher rests, so that a thousand of them ask the database hardly more than twenty do."""

from dataclasses import dataclass

_MANY_WORKERS = 20  # workers up to which each looks as often as the settings say; more share these looks
_REST = 0.02  # seconds between rounds at least
_LONGEST = 0.02  # seconds of rest after misses at most, on average; more, as the crew is larger


@dataclass(slots=True)
class PollInterval:
    """What one dispatcher knows of the others.

    ``interval``: seconds between looks without a doorbell. ``crew``: workers alive, this one included.
    ``misses``: rounds in a row for which others held all channels.
    """

    interval: float
    workers: int = 1
    misses: int = 0

    @property
    def seconds(self) -> float:
        """Seconds until the next look without a doorbell; whoever of the crew looks, looks for all."""
        return self.interval * self._stretch

    def backoff(self, jitter: float) -> float:
        """Seconds until the next look at least; ``chance`` (from 0 to 1) keeps those who missed apart."""
        if not self.misses:
            return _REST
        return min(_REST * float(1 << min(self.misses, 10)), _LONGEST * self._stretch) * (0.5 + jitter)

    @property
    def _stretch(self) -> float:
        return max(1.0, self.workers / _MANY_WORKERS)
