"""The hidden limits: what a relay enforces and does not announce."""

from collections import Counter, defaultdict, deque

from worker.practice.conditions import Weather

_MINUTE = 60.0


class Limits:
    """Calls per minute, in a sliding window, and calls in flight; both per key."""

    def __init__(self) -> None:
        self._starts: defaultdict[str | None, deque[float]] = defaultdict(deque)
        self._running: Counter[str | None] = Counter()

    def enter(self, key: str | None, moment: float, weather: Weather) -> float | None:
        """Let a call in (``None``), or return the seconds after which trying again makes sense.

        ``moment`` is monotonic. Whoever was let in must ``leave``.
        """
        if weather.concurrency is not None and self._running[key] >= weather.concurrency:
            return 1.0
        if weather.rpm is not None:
            starts = self._starts[key]
            while starts and starts[0] <= moment - _MINUTE:
                starts.popleft()
            if len(starts) >= weather.rpm:
                return starts[-weather.rpm] + _MINUTE - moment
            starts.append(moment)
        self._running[key] += 1
        return None

    def leave(self, key: str | None) -> None:
        """Give back the place of a call that was let in."""
        self._running[key] -= 1
