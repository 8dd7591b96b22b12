"""Classify the state of an asynchronous task, in the first answer of a call or in one to a poll."""

from dataclasses import replace

from models.outcomes import Outcome, Sign
from worker.upstream.errors.answer_phrases import ANSWER_PHRASES
from worker.upstream.errors.classification import Classification
from worker.upstream.errors.classify_error import classify_error
from worker.upstream.errors.error_catalog import ERROR_CATALOG
from worker.upstream.errors.own_text import OwnText
from worker.upstream.matching import find_match, normalize, word_set
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.error_object import ErrorObject
from worker.upstream.parsing.task_state import ProviderTask, TaskStage, says_missing

_CERTAIN = (Outcome.PERMANENT, Outcome.RETRY, Outcome.NEEDS_HUMAN)
_VAGUE_KINDS = frozenset({"upstream_error", "timeout", "stream_error", "gateway_timeout"})
_REFUSED_STATES = word_set("rejected refused blocked moderated moderation")
_REFUSAL_KINDS = frozenset(kind for kind in ERROR_CATALOG if kind.startswith("moderation")) | {"refusal"}


def classify_task(answer: Answer, own: OwnText) -> Classification | None:
    """Classify a task that has failed, or that the provider does not know; else return ``None``.

    A task that runs or is finished is left to the text of the answer. A task within a text of the model
    proves nothing beyond its job.
    """
    if answer.task is None:
        return None
    sign = Sign.CONTENT if answer.text.strip() else Sign.WORDS
    match stage_of_task(answer.task, own):
        case TaskStage.FAILED:
            found = _classify_reason(answer.task, own)
            kind = found.kind if ERROR_CATALOG[found.kind].outcome in _CERTAIN else "upstream_error"
            return replace(found, kind=kind, rule=f"a failed task, {found.rule}", sign=sign)
        case TaskStage.MISSING:
            return Classification("task_missing", "a task that does not exist", sign=sign)
    return None


def stage_of_task(task: ProviderTask, own: OwnText) -> TaskStage:
    """Return the stage of a task: one is not missing because its reason repeats such words of the request."""
    if (
        task.stage is not TaskStage.MISSING
        or says_missing(task.state)
        or says_missing(own.blank(task.reason))
    ):
        return task.stage
    return TaskStage.FAILED if task.sure else TaskStage.UNSTATED


def kind_of_reason(task: ProviderTask, own: OwnText) -> str:
    """Return the error kind of a task: by the code in its reason, then the phrases, then its state."""
    return _classify_reason(task, own).kind


def _classify_reason(task: ProviderTask, own: OwnText) -> Classification:
    reason = normalize(task.reason)
    codes = tuple(part for part in (*reason.split("; "), reason) if " " not in part)
    found = classify_error(Answer(error=ErrorObject(message=task.reason, names=codes)), None, own)
    if found.kind in _VAGUE_KINDS and (told := find_match(ANSWER_PHRASES, own.blank(reason))):
        found = Classification(told[0], f"a phrase for {told[0]}", told[1])
    if found.kind in _VAGUE_KINDS and _REFUSED_STATES.intersection(task.state.replace("_", " ").split()):
        return Classification("moderation", "the state", task.state)
    return found


def is_refused(task: ProviderTask, own: OwnText) -> bool:
    """Return whether the reason means that moderation or the model refused the task."""
    return bool(task.reason) and kind_of_reason(task, own) in _REFUSAL_KINDS
