"""Read a poll response: what an HTTP response about a provider's task means for the lost or pending call."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from models.money.cost import NO_CHARGE, Charge
from models.outcomes import Billed, CallResult, Outcome
from worker.upstream.charge import charge_of
from worker.upstream.errors.error_catalog import ERROR_CATALOG
from worker.upstream.errors.own_text import NO_REQUEST, OwnText
from worker.upstream.errors.retry_after import retry_after
from worker.upstream.errors.task_results import is_refused, kind_of_reason, stage_of_task
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.image import ResultImage
from worker.upstream.parsing.progress import Percent
from worker.upstream.parsing.response_reader import read_answer
from worker.upstream.parsing.task_state import ProviderTask, TaskStage

_TRANSIENT_STATUSES = frozenset({408, 409, 421, 423, 425, 429})  #: about this poll, not about the task


def _result_of(kind: str) -> CallResult:
    entry = ERROR_CATALOG[kind]
    return CallResult(entry.outcome, entry.code, entry.message, entry.billed)


TASK_NOT_FOUND = _result_of("task_missing")
_TASK_WITHOUT_IMAGE = _result_of("finished_without_image")


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
    charge: Charge = NO_CHARGE  #: what the response says about the cost of the call


def read_poll(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    input_urls: tuple[str, ...] = (),
    origin: str | None = None,
    own: OwnText = NO_REQUEST,
) -> PollState:
    """Return the state of a task by the HTTP status, headers and body of a poll response.

    ``input_urls`` were in the request and are no results; ``origin`` completes URLs without a host; ``own``
    is the text of the request, whose echoes are no sign of anything. An image outranks everything; then the
    task's own state decides, then the HTTP status.
    """
    answer = read_answer(body, input_urls=input_urls, origin=origin, failed=status >= 400)
    task = answer.task
    if answer.images or answer.videos:
        unfinished = task is not None and task.stage is not TaskStage.FAILED and task.unfinished
        return _with_image(answer, PollStage.RUNNING if unfinished else PollStage.DONE)
    if task is None:
        return _by_status(status, headers, may_be_task=not answer.html)
    return _without_image(task, status, headers, own)


def _with_image(answer: Answer, stage: PollStage) -> PollState:
    progress = answer.task.progress if answer.task else None
    if stage is PollStage.RUNNING:
        return PollState(stage, answer.images, answer.videos, progress=progress)
    count = len(answer.images) or len(answer.videos)
    message = f"{count} {'picture' if answer.images else 'video'}{'s' if count != 1 else ''} came back."
    result = CallResult(Outcome.SUCCESS, message=message, billed=Billed.YES)
    return PollState(
        stage, answer.images, answer.videos, progress=progress, result=result, charge=charge_of(answer)
    )


def _without_image(task: ProviderTask, status: int, headers: Mapping[str, str], own: OwnText) -> PollState:
    stage = stage_of_task(task, own)
    accepted = status < 400  # otherwise a state may be the poll's, unless the task's own failure is given
    refused = stage is TaskStage.UNSTATED and is_refused(task, own)
    if (stage is TaskStage.FAILED and (accepted or task.sure)) or (refused and accepted):
        return PollState(PollStage.FAILED, progress=task.progress, result=_failure(task, own))
    if not accepted:
        return _by_status(status, headers, may_be_task=True)
    match stage:
        case TaskStage.STOPPED:
            result = replace(
                _failure(task, own), billed=Billed.UNKNOWN
            )  # without an image and without a reason
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
_RELAY_KINDS = {"quota_exhausted": "upstream_quota", "daily_limit": "upstream_quota"}


def _failure(task: ProviderTask, own: OwnText) -> CallResult:
    """Return the result of a failed task: moderation is final, any other failure is safe to retry.

    A key or balance that would need a person if it were ours is the relay's here, since it had accepted the
    task.
    """
    kind = kind_of_reason(task, own)
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
