"""The retry policy in force: one whole rule for each class of failures, laid together from layers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Literal

from models.retry.rules import RetryClass, RetryRule, RetryRules

_BASE, _CAP = timedelta(seconds=2), timedelta(minutes=5)
_LOOK = timedelta(seconds=1)
_SLOW = 30  # times the usual back-off, for what a person at the provider has to mend: minutes, not seconds
_SLOW_CAP = 6  # times the usual cap, for those
_REFUSALS = 50  # retries of what was refused and cost nothing: a night behind a hidden limit
_STRETCH = 4  # a provider's Retry-After is spread over a further fourth of it, at least
_CERTAIN = {"full": 0.0, "equal": 0.5, "none": 1.0}  # share of the back-off, by jitter


@dataclass(frozen=True, slots=True)
class Rule:
    """What follows one class of failures.

    ``attempts``: how often it is tried again at most; ``None``: as often as the job has attempts.
    ``counts``: whether such a call uses up one of the job's attempts.
    """

    base: timedelta = _BASE
    cap: timedelta = _CAP
    attempts: int | None = None
    jitter: Literal["full", "equal", "none"] = "full"
    counts: bool = True

    def wait(self, failures: int, retry_after: timedelta | None, chance: Callable[[], float]) -> timedelta:
        """Return the wait after so many such failures in a row (from 1); ``chance`` gives numbers in [0, 1).

        Exponential; of jitter, see "Exponential Backoff And Jitter", AWS Architecture Blog. A provider's
        Retry-After is a floor, and what comes on top of it is left to chance: jobs that were told the same
        time must not come back at the same time.
        """
        backoff = min(self.cap, self.base * (1 << min(failures - 1, 30)))
        if retry_after is not None and retry_after > timedelta():
            spread = max(backoff, min(retry_after / _STRETCH, self.cap))
            return retry_after + spread * (chance() if self.jitter != "none" else 0)
        certain = _CERTAIN[self.jitter]
        return backoff * (certain + (1 - certain) * chance())

    def changed(self, said: RetryRule) -> "Rule":
        """Return the rule with what somebody said laid over it."""
        values = said.model_dump(exclude_none=True)
        for name in {"base", "cap"} & values.keys():
            values[name] = timedelta(seconds=values[name])
        return replace(self, **values)


def standard(base: timedelta, cap: timedelta) -> Mapping[RetryClass, Rule]:
    """Return the rules that hold where nobody says anything, for the usual back-off."""
    usual = Rule(base, cap)
    refused = replace(usual, attempts=_REFUSALS, counts=False)
    slow = Rule(base * _SLOW, cap * _SLOW_CAP, jitter="equal")
    return {
        RetryClass.RETRY: usual,
        RetryClass.NO_IMAGE: replace(usual, attempts=1),
        RetryClass.AMBIGUOUS: usual,
        # the gate keeps the channel shut; the wait only lets it see
        RetryClass.NEEDS_HUMAN: Rule(_LOOK, _LOOK, _REFUSALS, "none", counts=False),
        RetryClass.RATE_LIMITED: refused,
        RetryClass.CONCURRENCY_LIMITED: refused,
        RetryClass.DAILY_LIMIT: refused,
        RetryClass.UPSTREAM_SATURATED: refused,
        RetryClass.UPSTREAM_QUOTA: slow,
        RetryClass.NO_CHANNEL: slow,
        RetryClass.MAINTENANCE: slow,
        RetryClass.INPUT_IMAGE_UNREACHABLE: replace(usual, attempts=1),
    }


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """A whole rule for every class."""

    rules: Mapping[RetryClass, Rule] = field(default_factory=lambda: standard(_BASE, _CAP))

    @classmethod
    def of(cls, base: timedelta, cap: timedelta) -> "RetryPolicy":
        """Return the standard policy with this back-off."""
        return cls(standard(base, cap))


STANDARD = RetryPolicy()  #: where nobody says anything


def effective(policy: RetryPolicy, *layers: RetryRules | None) -> RetryPolicy:
    """Lay rules over a policy, one layer after the other: the last one that says something holds."""
    rules = dict(policy.rules)
    for layer in layers:
        for kind, said in (layer.by_class() if layer else {}).items():
            rules[kind] = rules[kind].changed(said)
    return RetryPolicy(rules) if rules != policy.rules else policy
