"""Help text per outcome: what it means, what happens to the job, what to do; also per billing and scope.

Printed by ``darkroom explain`` and in docs/providers.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from models.outcomes import Billed, Outcome, Scope
from models.retry.backoff import STANDARD
from models.retry.rules import class_of


@dataclass(frozen=True, slots=True)
class OutcomeHelp:
    """Help text of one outcome: its meaning, what happens to the job, and what a person should do."""

    meaning: str
    job: str
    action: str


_ONE_RETRY = "it is sent once more; then it fails"
_FREE_RETRY = "it is sent again when the channel may call again, and loses no attempt"

OUTCOME_HELP: Mapping[Outcome, OutcomeHelp] = MappingProxyType(
    {
        Outcome.SUCCESS: OutcomeHelp(
            "at least one image came back",
            "its images are stored, and it succeeds; it is not sent again",
            "nothing",
        ),
        Outcome.PENDING: OutcomeHelp(
            "the provider accepted it as a task and works on it",
            "its task is polled; if that does not end, on_unknown decides (default: hold)",
            "nothing; if the job is held, check the provider's call log and decide",
        ),
        Outcome.RETRY: OutcomeHelp(
            "nothing was made, and another try may work",
            "it is sent again after a wait, as long as it has attempts left; then it fails",
            "nothing; if it lasts, check the channel's limits or its provider",
        ),
        Outcome.NO_IMAGE: OutcomeHelp(
            "a good answer, without an image or a reason",
            _ONE_RETRY,
            "say in the prompt that you want an image; check the model and the preset",
        ),
        Outcome.PERMANENT: OutcomeHelp(
            "the same request would fail again",
            "it fails at once; it is not sent again",
            "change the request",
        ),
        Outcome.NEEDS_HUMAN: OutcomeHelp(
            "key, balance or configuration",
            "it stays queued and loses no attempt; the channel (or only the model on it) is closed",
            "fix the cause, then `darkroom channels resume NAME`",
        ),
        Outcome.AMBIGUOUS: OutcomeHelp(
            "sent, then no result: the image may exist",
            "it is polled, if a task or a link is known; otherwise on_unknown decides (default: hold)",
            "if the job is held, check the provider's call log and decide",
        ),
    }
)

BILLED_HELP: Mapping[Billed, str] = MappingProxyType(
    {
        Billed.NO: "not charged",
        Billed.LIKELY_NO: "most likely not charged",
        Billed.YES: "charged",
        Billed.UNKNOWN: "unknown whether it was charged",
    }
)

SCOPE_HELP: Mapping[Scope, str] = MappingProxyType(
    {
        Scope.KEY: "the key: all calls of the channel",
        Scope.MODEL: "the model: all its calls on the channel",
        Scope.PROVIDER: "the provider: all calls of the channel",
    }
)


def job_help(outcome: Outcome, code: str | None) -> str:
    """Return what happens to a job after such a call, by the default retry rules."""
    retry_class = class_of(outcome, code)
    rule = STANDARD.rules[retry_class] if retry_class is not None and outcome is Outcome.RETRY else None
    if rule is not None and not rule.counts:
        return _FREE_RETRY
    return _ONE_RETRY if rule is not None and rule.attempts == 1 else OUTCOME_HELP[outcome].job
