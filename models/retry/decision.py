"""Whether and when to call again: a pure decision, made from the verdict alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from models.outcomes import CallResult, Outcome
from models.retry.backoff import STANDARD, RetryPolicy, Rule
from models.retry.rules import MOST_CALLS, RetryClass, class_of
from models.states import OnUnknown

_RESET = timedelta(minutes=2)  #: a day's limit is not reset sooner than this, whatever a provider says
_TIMES = {1: "once", 2: "twice"}


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
class AttemptCount:
    """How often a job has called so far in this generation, this call included."""

    counted: int  #: attempts used up
    allowed: int  #: attempts that the job may use up
    same_outcome: int = 1  #: calls that ended in the same class as this one
    calls: int = 1  #: all calls, those that did not count included

    @classmethod
    def after(
        cls,
        result: CallResult,
        earlier: Sequence[tuple[str | None, str | None]],
        *,
        counted: int,
        allowed: int,
    ) -> "AttemptCount":
        """Count, from outcome and code of the calls before.

        A success that was followed by another call came too late: when that was decided, it was unknown.
        """
        kind = class_of(result.outcome, result.code)
        alike = sum(
            (RetryClass.AMBIGUOUS if outcome == Outcome.SUCCESS else class_of(outcome, code)) is kind
            for outcome, code in earlier
        )
        return cls(counted, allowed, 1 + alike, 1 + len(earlier))


def parked(result: CallResult, now: datetime) -> CallResult:
    """Return the verdict with the time of the reset, if a day's limit is used up.

    Providers that count by the day may name the wait of a per-minute limit beside it; that is not believed.
    Where no reset is known it is the next midnight in UTC: OpenRouter's is then, Google's some hours later,
    and a call that comes too early is refused free of charge.
    """
    if result.code != "daily_limit" or result.outcome is not Outcome.RETRY:
        return result
    if result.retry_after is not None and result.retry_after >= _RESET:
        return result
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return replace(result, retry_after=max(midnight - now, _RESET))


def decide(
    result: CallResult,
    tries: AttemptCount,
    *,
    on_unknown: OnUnknown,
    jitter: Callable[[], float],
    policy: RetryPolicy = STANDARD,
) -> Decision:
    """Decide what follows a call that brought no picture."""
    kind = class_of(result.outcome, result.code)
    if kind is None:
        return GiveUp("the same request would fail again")
    if kind is RetryClass.AMBIGUOUS and (stop := _unknown(tries, on_unknown)):
        return stop
    rule, needs_human = policy.rules[kind], kind is RetryClass.NEEDS_HUMAN
    if reason := _used_up(rule, tries):
        return Hold(reason) if needs_human else GiveUp(reason)
    # the door of a channel that needs a person is shut, and the job may go to another: nothing to wait for
    retry_after = None if needs_human else result.retry_after
    return Retry(rule.wait(tries.same_outcome, retry_after, jitter), counts=rule.counts)


def _unknown(tries: AttemptCount, on_unknown: OnUnknown) -> Decision | None:
    """Apply the job's own choice to a call that may have been charged; ``None``: it may be sent again."""
    if on_unknown is OnUnknown.HOLD:
        return Hold("it is unknown whether the provider made and charged this picture")
    if on_unknown is OnUnknown.RETRY or (on_unknown is OnUnknown.RETRY_ONCE and tries.same_outcome <= 1):
        return None
    return GiveUp("the call's outcome is unknown")


def _used_up(rule: Rule, tries: AttemptCount) -> str | None:
    """Say why there is no further call, if so."""
    if rule.counts and tries.counted >= tries.allowed:
        return f"{tries.counted} of {tries.allowed} attempts used"
    if rule.attempts is not None and tries.same_outcome > rule.attempts:
        return f"it failed in the same way {_TIMES.get(tries.same_outcome, f'{tries.same_outcome} times')}"
    if tries.calls >= MOST_CALLS:
        return f"{tries.calls} calls were made, which is the most for one job"
    return None
