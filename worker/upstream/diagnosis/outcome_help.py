"""What an outcome means for the job, and for people: the words of cards and of docs/providers.md."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from models.outcomes import Billed, CallResult, Outcome, Scope
from models.retry.backoff import STANDARD
from models.retry.rules import class_of


@dataclass(frozen=True, slots=True)
class OutcomeHelp:
    """What follows a call: what it was, what becomes of its job, and what a person should do."""

    meaning: str
    job: str
    person: str


_ONCE_MORE = "it is sent once more; then it fails"
_REFUSED = "it is sent again when the channel may call again, and loses no attempt"

OUTCOME_HELP: Mapping[Outcome, OutcomeHelp] = MappingProxyType(
    {
        Outcome.SUCCESS: OutcomeHelp(
            "at least one picture came back",
            "its pictures are brought home, and it succeeds; it is not sent again",
            "nothing",
        ),
        Outcome.PENDING: OutcomeHelp(
            "the provider took it as a task and works on it",
            "its task is asked for; without an end its on_unknown decides (hold, if not said)",
            "nothing; if the job is held, look into the provider's call log and decide",
        ),
        Outcome.RETRY: OutcomeHelp(
            "nothing was made, and another try may work",
            "it is sent again after a wait, as long as it has attempts left; then it fails",
            "nothing; see to the channel's limits or its provider if it lasts",
        ),
        Outcome.NO_IMAGE: OutcomeHelp(
            "a good answer, without a picture or a reason",
            _ONCE_MORE,
            "say in the prompt that you want a picture; look at the model and the preset",
        ),
        Outcome.PERMANENT: OutcomeHelp(
            "the same request would fail again",
            "it fails at once; it is not sent again",
            "change the request",
        ),
        Outcome.NEEDS_HUMAN: OutcomeHelp(
            "key, balance or configuration",
            "it stays queued and loses no attempt; the channel (or just the model on it) is shut",
            "mend the cause, then `darkroom channels resume NAME`",
        ),
        Outcome.AMBIGUOUS: OutcomeHelp(
            "sent, and then lost: the picture may exist",
            "it is asked for, if it left a task or a link; else its on_unknown decides (hold, if not said)",
            "if the job is held, look into the provider's call log and decide",
        ),
    }
)

MONEY: Mapping[Billed, str] = MappingProxyType(
    {
        Billed.NO: "not charged",
        Billed.LIKELY_NO: "most likely not charged",
        Billed.YES: "charged",
        Billed.UNKNOWN: "nobody knows whether it was charged",
    }
)

REACH: Mapping[Scope, str] = MappingProxyType(
    {
        Scope.KEY: "the key: all calls of the channel",
        Scope.MODEL: "the model: all its calls on the channel",
        Scope.PROVIDER: "the provider: all calls of the channel",
    }
)


def help_for(result: CallResult) -> str:
    """Say what becomes of a job after this verdict."""
    kind = class_of(result.outcome, result.code)
    rule = STANDARD.rules[kind] if kind is not None and result.outcome is Outcome.RETRY else None
    if rule is not None and not rule.counts:
        return _REFUSED
    return _ONCE_MORE if rule is not None and rule.attempts == 1 else OUTCOME_HELP[result.outcome].job
