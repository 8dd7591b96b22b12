"""Exponential back-off with jitter, and the retry policy: one complete rule per class of failures."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Literal

from models.retry.rules import RetryClass, RetryRule, RetryRules

_BASE, _CAP = timedelta(seconds=2), timedelta(minutes=5)
_NEXT_ROUND = timedelta(seconds=1)  # until the scheduler looks at a job whose channel is closed
_SLOW = 30  # times the usual back-off, for what a person at the provider has to repair: minutes, not seconds
_SLOW_CAP = 6  # times the usual cap, for those
_REFUSALS = 50  # retries of calls that were refused free of charge: a night behind a hidden limit
_STRETCH = 4  # a provider's Retry-After is spread over a further fourth of it, at least
_CERTAIN = {"full": 0.0, "equal": 0.5, "none": 1.0}  # share of the back-off, by jitter


@dataclass(frozen=True, slots=True)
class Rule:
    """Retry rule of one class of failures.

    ``attempts``: the most retries; ``None``: as many as the job has attempts.
    ``counts``: whether such a call uses up one of the job's attempts.
    """

    base: timedelta = _BASE
    cap: timedelta = _CAP
    attempts: int | None = None
    jitter: Literal["full", "equal", "none"] = "full"
    counts: bool = True

    def wait(self, failures: int, retry_after: timedelta | None, chance: Callable[[], float]) -> timedelta:
        """Return the wait after ``failures`` such failures in a row (from 1).

        Exponential, with jitter as in "Exponential Backoff And Jitter", AWS Architecture Blog; ``chance``
        returns random numbers in [0, 1). A provider's Retry-After is a lower bound, and jitter is added on
        top of it: jobs that got the same Retry-After must not call again at the same time.
        """
        backoff = min(self.cap, self.base * (1 << min(failures - 1, 30)))
        if retry_after is not None and retry_after > timedelta():
            spread = max(backoff, min(retry_after / _STRETCH, self.cap))
            return retry_after + spread * (chance() if self.jitter != "none" else 0)
        certain = _CERTAIN[self.jitter]
        return backoff * (certain + (1 - certain) * chance())

    def overridden(self, rule: RetryRule) -> "Rule":
        """Return this rule with the members that ``rule`` sets."""
        values = rule.model_dump(exclude_none=True)
        for name in {"base", "cap"} & values.keys():
            values[name] = timedelta(seconds=values[name])
        return replace(self, **values)


def standard(base: timedelta, cap: timedelta) -> Mapping[RetryClass, Rule]:
    """Return the default rules for this back-off."""
    usual = Rule(base, cap)
    refused = replace(usual, attempts=_REFUSALS, counts=False)
    slow = Rule(base * _SLOW, cap * _SLOW_CAP, jitter="equal")
    return {
        RetryClass.RETRY: usual,
        RetryClass.NO_IMAGE: replace(usual, attempts=1),
        RetryClass.AMBIGUOUS: usual,
        # the scheduler keeps the channel closed: the job only has to reach its next round
        RetryClass.NEEDS_HUMAN: Rule(_NEXT_ROUND, _NEXT_ROUND, 1, "none", counts=False),
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
    """A complete rule for every class of failures."""

    rules: Mapping[RetryClass, Rule] = field(default_factory=lambda: standard(_BASE, _CAP))

    @classmethod
    def of(cls, base: timedelta, cap: timedelta) -> "RetryPolicy":
        """Return the standard policy with this back-off."""
        return cls(standard(base, cap))


STANDARD = RetryPolicy()  #: the default policy


def effective(policy: RetryPolicy, *layers: RetryRules | None) -> RetryPolicy:
    """Return the policy overridden by these layers of rules, in order."""
    rules = dict(policy.rules)
    for layer in layers:
        for kind, rule in (layer.by_class() if layer else {}).items():
            rules[kind] = rules[kind].overridden(rule)
    return RetryPolicy(rules) if rules != policy.rules else policy
