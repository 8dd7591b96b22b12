"""Whether and when to call again: a pure decision, made from the verdict alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from models.states import OnUnknown
from models.verdicts import UNKNOWN, Outcome, Verdict


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
    """

    base: timedelta = timedelta(seconds=2)
    cap: timedelta = timedelta(minutes=5)
    human_wait: timedelta = timedelta(
        seconds=1
    )  #: the gate keeps a tripped channel shut; this only lets it see

    def backoff(self, attempt: int, retry_after: timedelta | None, jitter: Callable[[], float]) -> timedelta:
        """Return the wait before the call after ``attempt`` (from 1); ``jitter`` gives numbers in [0, 1)."""
        ceiling = min(self.cap, self.base * (1 << min(attempt - 1, 30)))
        if retry_after is not None and retry_after > timedelta():
            return retry_after + self.base * jitter()
        return ceiling * jitter()


@dataclass(frozen=True, slots=True)
class Tries:
    """How often a job has called so far in this generation, this call included."""

    counted: int  #: attempts used up
    allowed: int  #: attempts that the job may use up
    without_image: int = 0  #: of them, answers without a picture
    unknown: int = 0  #: of them, calls of unknown outcome


def unknown_outcomes(outcomes: Sequence[str | None]) -> int:
    """Count the calls of which nobody knows whether they were made and charged."""
    return sum(outcome in UNKNOWN for outcome in outcomes)


def decide(
    verdict: Verdict,
    tries: Tries,
    *,
    on_unknown: OnUnknown,
    jitter: Callable[[], float],
    policy: RetryPolicy = RetryPolicy(),
) -> Decision:
    """Decide what follows a call that brought no picture."""
    wait = policy.backoff(max(tries.counted, 1), verdict.retry_after, jitter)
    spent = tries.counted >= tries.allowed
    match verdict.outcome:
        case Outcome.NEEDS_HUMAN:
            return Retry(policy.human_wait, counts=False)
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
