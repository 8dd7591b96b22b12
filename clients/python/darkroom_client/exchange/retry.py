"""Whether a failed request is sent again, and when: a pure decision."""

from dataclasses import dataclass

from darkroom_client.errors import ApiError, ConnectionFailed, DarkroomError, InvalidResponse

_NOT_EXECUTED = frozenset({429})  # the server refused before it did anything
_PASSING = frozenset({502, 503, 504})  # it may work soon; it is not known whether anything was done


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential back-off with jitter; the server's Retry-After takes precedence. Times are in seconds."""

    attempts: int = 6  #: of one request, the first one included
    base: float = 0.5
    cap: float = 20.0
    longest_retry_after: float = 60.0  #: a longer one ends the retries

    def pause(self, attempt: int, error: DarkroomError, *, repeatable: bool, chance: float) -> float | None:
        """Return after how many seconds a request is sent again, or ``None``: not again.

        ``attempt`` counts from 1; ``repeatable``: executing the request twice does no more than once;
        ``chance`` (0 to 1) is random, for the jitter.
        """
        if attempt >= self.attempts or not _is_passing(error, repeatable=repeatable):
            return None
        wanted = error.retry_after if isinstance(error, ApiError) else None
        if wanted is None:
            return float(min(self.cap, self.base * 2.0 ** min(attempt - 1, 32)) * (0.5 + chance / 2))
        return None if wanted > self.longest_retry_after else wanted * (1 + chance / 5)


def _is_passing(error: DarkroomError, *, repeatable: bool) -> bool:
    match error:
        case InvalidResponse():
            return False
        case ConnectionFailed():
            return repeatable or not error.sent
        case ApiError():
            return error.status in _NOT_EXECUTED or (repeatable and error.status in _PASSING)
    return False
