"""Whether and when to call again: a pure decision, made from the verdict alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from models.states import OnUnknown
from models.verdicts import UNKNOWN, ErrorCode, Outcome, Verdict

ONCE: frozenset[ErrorCode] = frozenset({"input_image_unreachable"})
"""What is worth one more call, and not two."""

_SLOW: frozenset[ErrorCode] = frozenset({"upstream_quota", "no_channel", "maintenance"})
"""What a person at the provider has to mend: that takes minutes, not seconds."""

_SLOWER = 30  #: times the usual back-off, for those
_SLOWEST = 6  #: times its cap
_RESET = timedelta(minutes=2)  #: a day's limit is not reset sooner than this, whatever a provider says


@dataclass(frozen=True, slots=True)
class Retry:
    """Call again after this long. ``counts`` tells whether the attempt is used up."""

    after: timedelta
    counts: bool = True


@dataclass(frozen=True, slots=True)
class Hold:
    """Wait for a person's decision."""

    reason: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Fail for good."""

    reason: str


Decision = Retry | Hold | GiveUp


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long to wait: exponential with full jitter.

    Source: "Exponential Backoff And Jitter", AWS Architecture Blog. A provider's ``Retry-After`` is a floor
    below which nothing is sent; up to one ``base`` of jitter goes on top, so that jobs do not return at once.
    Where a person has to mend something, the wait is longer, and at least half of it is certain.
    """

    base: timedelta = timedelta(seconds=2)
    cap: timedelta = timedelta(minutes=5)
    human_wait: timedelta = timedelta(
        seconds=1
    )  #: the gate keeps a tripped channel shut; this only lets it see

    def backoff(
        self,
        attempt: int,
        retry_after: timedelta | None,
        jitter: Callable[[], float],
        *,
        code: ErrorCode | None = None,
    ) -> timedelta:
        """Return the wait before the call after ``attempt`` (from 1); ``jitter`` gives numbers in [0, 1)."""
        if retry_after is not None and retry_after > timedelta():
            return retry_after + self.base * jitter()
        doubled = self.base * (1 << min(attempt - 1, 30))
        if code in _SLOW:
            return min(self.cap * _SLOWEST, doubled * _SLOWER) * (0.5 + 0.5 * jitter())
        return min(self.cap, doubled) * jitter()


@dataclass(frozen=True, slots=True)
class Tries:
    """How often a job has called so far in this generation, this call included."""

    counted: int  #: attempts used up
    allowed: int  #: attempts that the job may use up
    without_image: int = 0  #: of them, answers without a picture
    unknown: int = 0  #: of them, calls of unknown outcome
    alike: int = 0  #: of them, calls that ended with the same code; counted for those of ``ONCE``


def unknown_outcomes(outcomes: Sequence[str | None]) -> int:
    """Count the calls of which nobody knows whether they were made and charged."""
    return sum(outcome in UNKNOWN for outcome in outcomes)


def parked(verdict: Verdict, now: datetime) -> Verdict:
    """Return the verdict with the time of the reset, if a day's limit is used up.

    Providers that count by the day may name the wait of a per-minute limit beside it; that is not believed.
    Where no reset is known it is the next midnight in UTC: OpenRouter's is then, Google's some hours later,
    and a call that comes too early is refused free of charge.
    """
    if verdict.code != "daily_limit" or verdict.outcome is not Outcome.RETRY:
        return verdict
    if verdict.retry_after is not None and verdict.retry_after >= _RESET:
        return verdict
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return replace(verdict, retry_after=max(midnight - now, _RESET))


def decide(
    verdict: Verdict,
    tries: Tries,
    *,
    on_unknown: OnUnknown,
    jitter: Callable[[], float],
    policy: RetryPolicy = RetryPolicy(),
) -> Decision:
    """Decide what follows a call that brought no picture."""
    wait = policy.backoff(max(tries.counted, 1), verdict.retry_after, jitter, code=verdict.code)
    spent = tries.counted >= tries.allowed
    match verdict.outcome:
        case Outcome.NEEDS_HUMAN:
            return Retry(policy.human_wait, counts=False)
        case Outcome.RETRY if verdict.code in ONCE and tries.alike > 1:
            return GiveUp("it failed in the same way twice")
        case Outcome.RETRY if not spent:
            return Retry(wait)
        case Outcome.NO_IMAGE if not spent and tries.without_image <= 1:
            return Retry(wait)
        case Outcome.AMBIGUOUS | Outcome.PENDING:
            return _unknown(tries, on_unknown, wait, spent=spent)
    return GiveUp(
        f"{tries.counted} of {tries.allowed} attempts used" if spent else "the same request would fail again"
    )


def _unknown(tries: Tries, on_unknown: OnUnknown, wait: timedelta, *, spent: bool) -> Decision:
    """Apply the job's own policy to a call that may have been made and charged."""
    if on_unknown is OnUnknown.HOLD:
        return Hold("it is unknown whether the provider made and charged this picture")
    again = on_unknown is OnUnknown.RETRY or (on_unknown is OnUnknown.RETRY_ONCE and tries.unknown <= 1)
    return Retry(wait) if again and not spent else GiveUp("the call's outcome is unknown")
