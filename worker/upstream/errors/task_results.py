"""Classify the state of an asynchronous task, in the first answer of a call or in one to a poll."""

from models.outcomes import Outcome
from worker.upstream.errors.answer_phrases import ANSWER_PHRASES
from worker.upstream.errors.error_catalog import ERROR_CATALOG
from worker.upstream.errors.error_codes import kind_of_error
from worker.upstream.matching import first_match, normalize, word_set
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.error_object import ErrorObject
from worker.upstream.parsing.task_state import ProviderTask, TaskStage

_CERTAIN = (Outcome.PERMANENT, Outcome.RETRY, Outcome.NEEDS_HUMAN)
_VAGUE_KINDS = frozenset({"upstream_error", "timeout", "stream_error", "gateway_timeout"})
_REFUSED_STATES = word_set("rejected refused blocked moderated moderation")
_REFUSAL_KINDS = frozenset(kind for kind in ERROR_CATALOG if kind.startswith("moderation")) | {"refusal"}


def kind_of_task(answer: Answer) -> str | None:
    """Return the error kind of a task that has failed, or that the provider does not know; else ``None``.

    A task that runs or is finished is left to the text of the answer.
    """
    if answer.task is None:
        return None
    match answer.task.stage:
        case TaskStage.FAILED:
            return kind_of_failed_task(answer.task)
        case TaskStage.MISSING:
            return "task_missing"
    return None


def kind_of_failed_task(task: ProviderTask) -> str:
    """Return the error kind of a failed task: the provider says that it has no image."""
    kind = kind_of_reason(task)
    return kind if ERROR_CATALOG[kind].outcome in _CERTAIN else "upstream_error"


def kind_of_reason(task: ProviderTask) -> str:
    """Return the error kind of a task: by the code in its reason, then the phrases, then its state."""
    reason = normalize(task.reason)
    codes = tuple(part for part in (*reason.split("; "), reason) if " " not in part)
    kind = kind_of_error(Answer(error=ErrorObject(message=task.reason, names=codes)), None)
    if kind in _VAGUE_KINDS:
        kind = first_match(ANSWER_PHRASES, reason) or kind
    if kind in _VAGUE_KINDS and _REFUSED_STATES.intersection(task.state.replace("_", " ").split()):
        return "moderation"
    return kind


def is_refused(task: ProviderTask) -> bool:
    """Return whether the reason means that moderation or the model refused the task."""
    return bool(task.reason) and kind_of_reason(task) in _REFUSAL_KINDS
