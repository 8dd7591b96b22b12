"""The hidden limits: what a relay enforces and does not announce."""

from collections import Counter, defaultdict, deque

from worker.practice.options import PracticeOptions

_MINUTE = 60.0


class Limits:
    """Calls per minute, in a sliding window, and calls in flight; both per key."""

    def __init__(self, options: PracticeOptions) -> None:
        self._rpm, self._concurrency = options.rpm, options.concurrency
        self._starts: defaultdict[str | None, deque[float]] = defaultdict(deque)
        self._running: Counter[str | None] = Counter()

    def enter(self, key: str | None, moment: float) -> float | None:
        """Let a call in (``None``), or return the seconds after which trying again makes sense.

        ``moment`` is monotonic. Whoever was let in must ``leave``.
        """
        if self._concurrency is not None and self._running[key] >= self._concurrency:
            return 1.0
        if self._rpm is not None:
            starts = self._starts[key]
            while starts and starts[0] <= moment - _MINUTE:
                starts.popleft()
            if len(starts) >= self._rpm:
                return starts[0] + _MINUTE - moment
            starts.append(moment)
        self._running[key] += 1
        return None

    def leave(self, key: str | None) -> None:
        """Give back the place of a call that was let in."""
        self._running[key] -= 1
