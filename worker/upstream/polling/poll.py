"""Reads what a provider says when it is asked what became of a task."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

import orjson

from models.outcomes import Billed, CallResult, Outcome
from worker.upstream.errors.answer_phrases import ANSWER_PHRASES
from worker.upstream.errors.error_catalog import ERROR_CATALOG
from worker.upstream.errors.error_codes import name_of_error
from worker.upstream.errors.retry_after import retry_after
from worker.upstream.matching import first_match, normalize, word_set
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.error_object import ErrorObject
from worker.upstream.parsing.image import ResultImage
from worker.upstream.parsing.progress import Percent
from worker.upstream.parsing.response_reader import read_answer
from worker.upstream.polling.task_state import Stage, Task, read_task

# Judges a task that its provider gave up.

_VAGUE = frozenset({"upstream_error", "timeout", "stream_error", "gateway_timeout"})
_REFUSED = word_set("rejected refused blocked moderated moderation")
_RELAYS_OWN = {"quota_exhausted": "upstream_quota", "daily_limit": "upstream_quota"}
_MODERATED = frozenset(name for name in ERROR_CATALOG if name.startswith("moderation")) | {"refusal"}
_LONGEST_WORDS = 2000


def failed_task(task: Task) -> CallResult:
    """Return the verdict on a task that failed: moderation is final, anything else is safe to send again.

    The provider itself says that there is no picture, so nothing is unknown. What would be a person's
    business in our own call (a key, a balance) is the relay's business here: it had accepted the task.
    """
    name = _name(task)
    kind = ERROR_CATALOG[name]
    if kind.outcome not in (Outcome.PERMANENT, Outcome.RETRY):
        kind = ERROR_CATALOG[_RELAYS_OWN.get(name, "upstream_error")]
    return CallResult(
        outcome=kind.outcome,
        code=kind.code,
        message=kind.message,
        billed=Billed.LIKELY_NO if kind.outcome is Outcome.RETRY else kind.billed,
        scope=kind.scope,
        provider_message=(task.reason or task.state)[:_LONGEST_WORDS] or None,
    )


def stopped_task(task: Task) -> CallResult:
    """Return the verdict on a task that ended without a picture and without a word."""
    return replace(failed_task(task), billed=Billed.UNKNOWN)


def is_moderated(task: Task) -> bool:
    """Tell whether the words of an answer, whatever else it lacks, mean that moderation refused the task."""
    return bool(task.reason) and _name(task) in _MODERATED


def _name(task: Task) -> str:
    """Return the name of the ruling: by the reason's code, then its words, then the state."""
    spoken = normalize(task.reason)
    names = tuple(part for part in (*spoken.split("; "), spoken) if " " not in part)
    name = name_of_error(Answer(error=ErrorObject(message=task.reason, names=names)), None)
    if name in _VAGUE:
        name = first_match(ANSWER_PHRASES, spoken) or name
    if name in _VAGUE and _REFUSED.intersection(task.state.replace("_", " ").split()):
        return "moderation"
    return name


_BUSY = frozenset({408, 409, 421, 423, 425, 429})  #: statuses that speak of the moment, not of the task

UNKNOWN_TASK = CallResult(
    Outcome.AMBIGUOUS,
    "task_not_found",
    "The provider no longer knows the task: the picture may have been made and charged; look into its log.",
    Billed.UNKNOWN,
)
NO_PICTURE = CallResult(
    Outcome.AMBIGUOUS,
    "no_image",
    "The provider says that the task is finished, and shows no picture: it may have been charged; look into "
    "its log.",
    Billed.UNKNOWN,
)


class PollStage(StrEnum):
    """What an answer about a task means for whoever asks."""

    DONE = "done"  #: there are pictures, or a video
    RUNNING = "running"  #: ask again
    FAILED = "failed"  #: the provider gave up; the verdict says why
    UNKNOWN = "unknown"  #: it has, or shows, nothing under this address
    UNCLEAR = "unclear"  #: it says nothing about the task; ask again


@dataclass(frozen=True, slots=True)
class PollState:
    """One answer about a task. ``progress`` is in percent, ``wait`` how long it wants to be left alone."""

    stage: PollStage
    images: tuple[ResultImage, ...] = ()
    videos: tuple[str, ...] = ()
    progress: Percent | None = None
    result: CallResult | None = None
    wait: timedelta | None = None


def read_poll(
    status: int, headers: Mapping[str, str], body: bytes, *, input_urls: tuple[str, ...] = ()
) -> PollState:
    """Read an answer about a task: its HTTP status, headers and body.

    ``input_urls`` were in the request and are no results. A picture beats everything; then the task's own
    state decides, then the HTTP status.
    """
    value = _parsed(body)
    task = read_task(value)
    if task is None:
        return _without_task(status, headers, body)
    answer = read_answer(orjson.dumps(task.cleaned), input_urls=input_urls)
    if task.stage is not Stage.FAILED and task.unfinished:
        return PollState(PollStage.RUNNING, answer.images, answer.videos, progress=task.progress)
    if answer.images or answer.videos:
        return _done(answer, task)
    return _without_picture(task, status, headers)


def _parsed(body: bytes) -> object:
    try:
        return orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except ValueError:
        return None


def _done(answer: Answer, task: Task) -> PollState:
    count = len(answer.images) or len(answer.videos)
    message = f"{count} {'picture' if answer.images else 'video'}{'s' if count != 1 else ''} came back."
    result = CallResult(Outcome.SUCCESS, message=message, billed=Billed.YES)
    return PollState(PollStage.DONE, answer.images, answer.videos, progress=task.progress, result=result)


def _without_picture(task: Task, status: int, headers: Mapping[str, str]) -> PollState:
    context = (
        status < 400
    )  # else a state may be the question's, unless a reason of the task's own stands there
    refused = task.stage is Stage.UNTOLD and is_moderated(task)
    if (task.stage is Stage.FAILED and (context or task.sure)) or (refused and context):
        return PollState(PollStage.FAILED, progress=task.progress, result=failed_task(task))
    if not context:
        return _by_status(status, headers, said=True)
    match task.stage:
        case Stage.STOPPED:
            return PollState(PollStage.FAILED, progress=task.progress, result=stopped_task(task))
        case Stage.RUNNING:
            return PollState(PollStage.RUNNING, progress=task.progress)
        case Stage.DONE:
            return PollState(PollStage.UNKNOWN, progress=task.progress, result=NO_PICTURE)
        case Stage.MISSING:
            return PollState(PollStage.UNKNOWN, result=UNKNOWN_TASK)
    return _by_status(status, headers, said=True)


def _without_task(status: int, headers: Mapping[str, str], body: bytes) -> PollState:
    """Read an answer that is no JSON object: a page, plain text, or nothing."""
    page = body[:1024].lstrip().lower().startswith((b"<!doctype html", b"<html"))
    return _by_status(status, headers, said=not page)


def _by_status(status: int, headers: Mapping[str, str], *, said: bool) -> PollState:
    if status in _BUSY or status >= 500 or (status < 300 and said):
        return PollState(PollStage.UNCLEAR, wait=retry_after(headers))
    return PollState(PollStage.UNKNOWN, result=UNKNOWN_TASK)
