"""Read a poll response: what an HTTP response about a provider's task means for the lost or pending call."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

import orjson

from models.outcomes import Billed, CallResult, Outcome
from worker.upstream.errors.answer_phrases import ANSWER_PHRASES
from worker.upstream.errors.error_catalog import ERROR_CATALOG
from worker.upstream.errors.error_codes import kind_of_error
from worker.upstream.errors.retry_after import retry_after
from worker.upstream.matching import first_match, normalize, word_set
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.error_object import ErrorObject
from worker.upstream.parsing.image import ResultImage
from worker.upstream.parsing.progress import Percent
from worker.upstream.parsing.response_reader import read_answer
from worker.upstream.polling.task_state import ProviderTask, TaskStage, read_task

_TRANSIENT_STATUSES = frozenset({408, 409, 421, 423, 425, 429})  #: about this poll, not about the task

TASK_NOT_FOUND = CallResult(
    Outcome.AMBIGUOUS,
    "task_not_found",
    "The provider no longer knows the task: the picture may have been made and charged; look into its log.",
    Billed.UNKNOWN,
)
_TASK_WITHOUT_IMAGE = CallResult(
    Outcome.AMBIGUOUS,
    "no_image",
    "The provider says that the task is finished, and shows no picture: it may have been charged; look into "
    "its log.",
    Billed.UNKNOWN,
)


class PollStage(StrEnum):
    """What one poll response means for the poller."""

    DONE = "done"  #: there are images, or a video
    RUNNING = "running"  #: poll again
    FAILED = "failed"  #: the task failed; the call result says why
    UNKNOWN = "unknown"  #: there is no task, or no result, under this address
    UNCLEAR = "unclear"  #: the response says nothing about the task; poll again


@dataclass(frozen=True, slots=True)
class PollState:
    """State of a task by one poll response: ``progress`` is in percent."""

    stage: PollStage
    images: tuple[ResultImage, ...] = ()
    videos: tuple[str, ...] = ()
    progress: Percent | None = None
    result: CallResult | None = None
    retry_after: timedelta | None = None


def read_poll(
    status: int, headers: Mapping[str, str], body: bytes, *, input_urls: tuple[str, ...] = ()
) -> PollState:
    """Return the state of a task by the HTTP status, headers and body of a poll response.

    ``input_urls`` were in the request and are no results. An image outranks everything; then the task's
    own state decides, then the HTTP status.
    """
    task = read_task(_parse(body))
    if task is None:
        is_page = body[:1024].lstrip().lower().startswith((b"<!doctype html", b"<html"))
        return _by_status(status, headers, may_be_task=not is_page)
    answer = read_answer(orjson.dumps(task.cleaned), input_urls=input_urls)
    if task.stage is not TaskStage.FAILED and task.unfinished:
        return PollState(PollStage.RUNNING, answer.images, answer.videos, progress=task.progress)
    if answer.images or answer.videos:
        return _done(answer, task)
    return _without_image(task, status, headers)


def _parse(body: bytes) -> object:
    try:
        return orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except ValueError:
        return None


def _done(answer: Answer, task: ProviderTask) -> PollState:
    count = len(answer.images) or len(answer.videos)
    message = f"{count} {'picture' if answer.images else 'video'}{'s' if count != 1 else ''} came back."
    result = CallResult(Outcome.SUCCESS, message=message, billed=Billed.YES)
    return PollState(PollStage.DONE, answer.images, answer.videos, progress=task.progress, result=result)


def _without_image(task: ProviderTask, status: int, headers: Mapping[str, str]) -> PollState:
    accepted = status < 400  # otherwise a state may be the poll's, unless the task's own failure is given
    refused = task.stage is TaskStage.UNSTATED and _is_refused(task)
    if (task.stage is TaskStage.FAILED and (accepted or task.sure)) or (refused and accepted):
        return PollState(PollStage.FAILED, progress=task.progress, result=_failure(task))
    if not accepted:
        return _by_status(status, headers, may_be_task=True)
    match task.stage:
        case TaskStage.STOPPED:
            result = replace(_failure(task), billed=Billed.UNKNOWN)  # without an image and without a reason
            return PollState(PollStage.FAILED, progress=task.progress, result=result)
        case TaskStage.RUNNING:
            return PollState(PollStage.RUNNING, progress=task.progress)
        case TaskStage.DONE:
            return PollState(PollStage.UNKNOWN, progress=task.progress, result=_TASK_WITHOUT_IMAGE)
        case TaskStage.MISSING:
            return PollState(PollStage.UNKNOWN, result=TASK_NOT_FOUND)
    return _by_status(status, headers, may_be_task=True)


def _by_status(status: int, headers: Mapping[str, str], *, may_be_task: bool) -> PollState:
    """Return the state by the HTTP status; ``may_be_task``: the body is not a web page."""
    if status in _TRANSIENT_STATUSES or status >= 500 or (status < 300 and may_be_task):
        return PollState(PollStage.UNCLEAR, retry_after=retry_after(headers))
    return PollState(PollStage.UNKNOWN, result=TASK_NOT_FOUND)


# The failure of a task.

_MAX_MESSAGE = 2000  #: characters of the provider's message that are kept
_VAGUE_KINDS = frozenset({"upstream_error", "timeout", "stream_error", "gateway_timeout"})
_REFUSED_STATES = word_set("rejected refused blocked moderated moderation")
_RELAY_KINDS = {"quota_exhausted": "upstream_quota", "daily_limit": "upstream_quota"}
_REFUSAL_KINDS = frozenset(kind for kind in ERROR_CATALOG if kind.startswith("moderation")) | {"refusal"}


def _failure(task: ProviderTask) -> CallResult:
    """Return the result of a failed task: moderation is final, any other failure is safe to retry.

    The provider states that there is no image, so nothing is unknown. A key or balance that would need a
    person if it were ours is the relay's here, since it had accepted the task.
    """
    kind = _kind(task)
    entry = ERROR_CATALOG[kind]
    if entry.outcome not in (Outcome.PERMANENT, Outcome.RETRY):
        entry = ERROR_CATALOG[_RELAY_KINDS.get(kind, "upstream_error")]
    return CallResult(
        outcome=entry.outcome,
        code=entry.code,
        message=entry.message,
        billed=Billed.LIKELY_NO if entry.outcome is Outcome.RETRY else entry.billed,
        scope=entry.scope,
        provider_message=(task.reason or task.state)[:_MAX_MESSAGE] or None,
    )


def _is_refused(task: ProviderTask) -> bool:
    """Return whether the reason means that moderation or the model refused the task."""
    return bool(task.reason) and _kind(task) in _REFUSAL_KINDS


def _kind(task: ProviderTask) -> str:
    """Return the error kind of a task: by the code in its reason, then the phrases, then its state."""
    reason = normalize(task.reason)
    codes = tuple(part for part in (*reason.split("; "), reason) if " " not in part)
    kind = kind_of_error(Answer(error=ErrorObject(message=task.reason, names=codes)), None)
    if kind in _VAGUE_KINDS:
        kind = first_match(ANSWER_PHRASES, reason) or kind
    if kind in _VAGUE_KINDS and _REFUSED_STATES.intersection(task.state.replace("_", " ").split()):
        return "moderation"
    return kind
