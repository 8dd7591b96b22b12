"""Judges a task that its provider gave up."""

from dataclasses import replace

from models.outcomes import Billed, Outcome, Verdict
from worker.upstream.errors.answer_phrases import TEXTS
from worker.upstream.errors.error_catalog import RULINGS
from worker.upstream.fault_signals import name_of_fault
from worker.upstream.matching import first, plain
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.error_object import Fault
from worker.upstream.polling.task_state import Task
from worker.upstream.words import words

_VAGUE = frozenset({"upstream_error", "timeout", "stream_error", "gateway_timeout"})
_REFUSED = words("rejected refused blocked moderated moderation")
_RELAYS_OWN = {"quota_exhausted": "upstream_quota", "daily_limit": "upstream_quota"}
_MODERATED = frozenset(name for name in RULINGS if name.startswith("moderation")) | {"refusal"}
_LONGEST_WORDS = 2000


def failed_task(task: Task) -> Verdict:
    """Return the verdict on a task that failed: moderation is final, anything else is safe to send again.

    The provider itself says that there is no picture, so nothing is unknown. What would be a person's
    business in our own call (a key, a balance) is the relay's business here: it had accepted the task.
    """
    name = _name(task)
    ruling = RULINGS[name]
    if ruling.outcome not in (Outcome.PERMANENT, Outcome.RETRY):
        ruling = RULINGS[_RELAYS_OWN.get(name, "upstream_error")]
    return Verdict(
        outcome=ruling.outcome,
        code=ruling.code,
        message=ruling.message,
        billed=Billed.LIKELY_NO if ruling.outcome is Outcome.RETRY else ruling.billed,
        scope=ruling.scope,
        provider_message=(task.reason or task.state)[:_LONGEST_WORDS] or None,
    )


def stopped_task(task: Task) -> Verdict:
    """Return the verdict on a task that ended without a picture and without a word."""
    return replace(failed_task(task), billed=Billed.UNKNOWN)


def is_moderated(task: Task) -> bool:
    """Tell whether the words of an answer, whatever else it lacks, mean that moderation refused the task."""
    return bool(task.reason) and _name(task) in _MODERATED


def _name(task: Task) -> str:
    """Return the name of the ruling: by the reason's code, then its words, then the state."""
    spoken = plain(task.reason)
    names = tuple(part for part in (*spoken.split("; "), spoken) if " " not in part)
    name = name_of_fault(Answer(fault=Fault(message=task.reason, names=names)), None)
    if name in _VAGUE:
        name = first(TEXTS, spoken) or name
    if name in _VAGUE and _REFUSED.intersection(task.state.replace("_", " ").split()):
        return "moderation"
    return name
