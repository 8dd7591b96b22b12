"""Retry decision: whether and when a failed call is made again; a pure function of its call result."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from models.outcomes import CallResult, Outcome, Sign
from models.retry.backoff import STANDARD, RetryPolicy, Rule
from models.retry.rules import MOST_CALLS, RetryClass, class_of
from models.states import OnUnknown

_RESET = timedelta(minutes=2)  #: the least wait for the reset of a daily limit, whatever a provider claims
_CONFIRMATION = timedelta(minutes=1)  #: for another call to confirm what words alone say of a channel
_TIMES = {1: "once", 2: "twice"}


@dataclass(frozen=True, slots=True)
class Retry:
    """Call again after this wait. ``counts``: whether the failed call uses up an attempt."""

    after: timedelta
    counts: bool = True


@dataclass(frozen=True, slots=True)
class Hold:
    """Hold the job until a person decides."""

    reason: str


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Fail the job."""

    reason: str


Decision = Retry | Hold | GiveUp


@dataclass(frozen=True, slots=True)
class AttemptCount:
    """Calls of a job so far in this generation, the present one included."""

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
        """Count from the outcome and code of the earlier calls.

        A success that was followed by another call was found too late: at that decision it was unknown.
        """
        kind = class_of(result.outcome, result.code)
        alike = sum(
            (RetryClass.AMBIGUOUS if outcome == Outcome.SUCCESS else class_of(outcome, code)) is kind
            for outcome, code in earlier
        )
        return cls(counted, allowed, 1 + alike, 1 + len(earlier))


def until_daily_reset(result: CallResult, now: datetime) -> CallResult:
    """Return the call result with the wait until the reset, if a daily limit is used up.

    Providers that count by the day may send the wait of a per-minute limit; a wait below two minutes is
    ignored. Without a known reset it is the next midnight in UTC: OpenRouter resets then, Google some hours
    later, and a call that comes too early is refused free of charge.
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
    """Decide what follows a call that returned no image."""
    kind = class_of(result.outcome, result.code)
    if kind is None:
        return GiveUp("the same request would fail again")
    if kind is RetryClass.AMBIGUOUS and (stop := _unknown(tries, on_unknown)):
        return stop
    needs_human = kind is RetryClass.NEEDS_HUMAN
    if needs_human and result.sign is Sign.CONTENT:
        return Hold("the answer says that a person is needed, and proves nothing of the channel")
    rule = _rule(policy.rules[kind], result, needs_human=needs_human)
    if reason := _used_up(rule, tries):
        return Hold(reason) if needs_human else GiveUp(reason)
    # the channel is closed until a person resumes it, and the job may go to another: nothing to wait for
    retry_after = None if needs_human else result.retry_after
    return Retry(rule.wait(tries.same_outcome, retry_after, jitter), counts=rule.counts)


def _rule(rule: Rule, result: CallResult, *, needs_human: bool) -> Rule:
    """Return the rule for this result: only a sign of the provider's own spares the job an attempt."""
    if result.sign is Sign.CONTENT:
        return replace(rule, counts=True)
    if needs_human and result.sign is Sign.WORDS:
        return replace(rule, counts=True, base=_CONFIRMATION, cap=_CONFIRMATION)
    return rule


def _unknown(tries: AttemptCount, on_unknown: OnUnknown) -> Decision | None:
    """Apply the job's ``on_unknown`` to a call that may have been charged; ``None``: it may be sent again."""
    if on_unknown is OnUnknown.HOLD:
        return Hold("it is unknown whether the provider made and charged this picture")
    if on_unknown is OnUnknown.RETRY or (on_unknown is OnUnknown.RETRY_ONCE and tries.same_outcome <= 1):
        return None
    return GiveUp("the call's outcome is unknown")


def _used_up(rule: Rule, tries: AttemptCount) -> str | None:
    """Return why there is no further call, or ``None``."""
    if rule.counts and tries.counted >= tries.allowed:
        return f"{tries.counted} of {tries.allowed} attempts used"
    if rule.attempts is not None and tries.same_outcome > rule.attempts:
        return f"it failed in the same way {_TIMES.get(tries.same_outcome, f'{tries.same_outcome} times')}"
    if tries.calls >= MOST_CALLS:
        return f"{tries.calls} calls were made, the maximum for one job"
    return None
