"""Classify one provider call: outcome, error code, scope, billing and retry-after, as a ``CallResult``."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from models.credentials.key_shapes import KEY_SHAPES
from models.outcomes import Billed, CallResult, Outcome, Scope, Sign
from worker.upstream.errors.answer_phrases import ANSWER_PHRASES
from worker.upstream.errors.classification import Classification
from worker.upstream.errors.classify_error import classify_error, classify_words
from worker.upstream.errors.classify_text import classify_text
from worker.upstream.errors.error_catalog import ERROR_CATALOG, REQUEST_KINDS
from worker.upstream.errors.error_codes import HTTP_STATUSES, kind_of_finish_reason
from worker.upstream.errors.own_text import NO_REQUEST, OwnText
from worker.upstream.errors.retry_after import call_limit, channel_rest, retry_after
from worker.upstream.errors.task_results import classify_task
from worker.upstream.errors.web_pages import is_blocked, is_page, kind_of_page
from worker.upstream.matching import first_match, normalize
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.task_state import TaskStage
from worker.upstream.transport_errors import ERROR_KIND_OF, TransportFailure

_LONG_CALL = 30.0  #: seconds after which a plain 500 may hide a finished image
_IMAGE_TOKENS = 1000  #: completion tokens which only an image costs
_MAX_MESSAGE = 2000  #: characters of the provider's message that are kept
_WAF_STATUSES = frozenset({401, 403, 405, 429, 503})  #: statuses which firewalls send, too
_VAGUE_STATUSES = frozenset({400, 401, 403, 404, 405, 429, 500, 502, 503})  #: a phrase may be more precise


def classify(
    answer: Answer | None,
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    failure: TransportFailure | None = None,
    elapsed: float = 0.0,
    own: OwnText = NO_REQUEST,
) -> CallResult:
    """Return the result of a call.

    ``answer`` is what was parsed, ``failure`` the transport failure, ``elapsed`` the call's seconds, ``own``
    the text of the request, whose echoes are no sign of anything. An image outranks everything; then decide,
    in order: an error object (its code, phrases and status), the transport failure, the HTTP status, and the
    text of the answer.
    """
    if answer is not None and (answer.images or answer.videos):
        return _success(answer, status)
    found = _classify(answer or Answer(empty=True), status, headers or {}, failure, elapsed, own)
    if found.kind == "pending":
        message = "The provider took the request as a task: its result is polled, nothing is sent again."
        return CallResult(
            Outcome.PENDING, message=message, provider_status=status, decided_by=found.decided_by
        )
    return _failure(found, answer, status, headers or {}, own)


def _success(answer: Answer, status: int | None) -> CallResult:
    count = len(answer.images) or len(answer.videos)
    message = f"{count} {'picture' if answer.images else 'video'}{'s' if count != 1 else ''} came back."
    if answer.partial:
        message = f"Only {message[:-1]}, fewer than asked for: send the rest as a job of its own."
    return CallResult(
        Outcome.SUCCESS,
        message=message,
        billed=Billed.YES,
        provider_status=status,
        decided_by=_rule_of_images(answer),
    )


def _rule_of_images(answer: Answer) -> str:
    if answer.searched:
        return "images in members that no rule names"
    if answer.task is not None and answer.task.stage is TaskStage.DONE:
        return "the record of a finished task"
    return "images in known members or in the text"


def _failure(
    found: Classification, answer: Answer | None, status: int | None, headers: Mapping[str, str], own: OwnText
) -> CallResult:
    """Return the catalog entry of a found with this answer's billing, retry-after and message."""
    kind, entry = found.kind, ERROR_CATALOG[found.kind]
    wait = _retry_after(entry.outcome, answer, headers, own)
    provider_message = _provider_message(answer)
    result = CallResult(
        outcome=entry.outcome,
        code=entry.code,
        message=entry.message,
        billed=_billed(kind, answer, status),
        scope=entry.scope,
        retry_after=wait,
        channel_rest=channel_rest(headers, answer.error if answer else None, wait),
        provider_status=status,
        provider_message=provider_message or None,
        limit=call_limit(own.blank(provider_message)) if entry.code == "rate_limited" else None,
        sign=found.sign,
        decided_by=found.decided_by,
    )
    if result.outcome is Outcome.RETRY and _forbids_retry(headers):
        cause = result.message.partition(":")[0]
        message = f"{cause}, and the provider forbids to try again: ask it why, or use another channel."
        return replace(result, outcome=Outcome.PERMANENT, scope=Scope.PROVIDER, message=message)
    return result


def _task_failed(answer: Answer) -> bool:
    return answer.task is not None and answer.task.stage is TaskStage.FAILED


def _provider_message(answer: Answer | None) -> str:
    if answer is None:
        return ""
    message = answer.error.message if answer.error else ""
    if answer.task is not None and _task_failed(answer):
        message = answer.task.reason or message
    words = message or answer.filtered_text.strip() or answer.refusal or answer.withheld
    return KEY_SHAPES.hide(words[:_MAX_MESSAGE])


def _forbids_retry(headers: Mapping[str, str]) -> bool:
    value = next((value for name, value in headers.items() if name.lower() == "x-should-retry"), "")
    return value.strip().lower() == "false"


def _retry_after(
    outcome: Outcome, answer: Answer | None, headers: Mapping[str, str], own: OwnText
) -> timedelta | None:
    if outcome not in (Outcome.RETRY, Outcome.AMBIGUOUS, Outcome.NO_IMAGE):
        return None
    error, text = (answer.error, answer.filtered_text) if answer else (None, "")
    if error is not None:
        error = replace(error, message=own.blank(error.message))
    return retry_after(headers, error, own.blank(text))


def _billed(kind: str, answer: Answer | None, status: int | None) -> Billed:
    entry = ERROR_CATALOG[kind]
    if answer is None or entry.billing_certain:
        return entry.billed
    if answer.error is not None and answer.error.wrapped and entry.outcome is not Outcome.AMBIGUOUS:
        return Billed.NO  # a router which names its provider does not charge for failures
    if answer.block_reason is not None:
        return Billed.LIKELY_NO
    is_error = (answer.error is not None and answer.error.sure) or _task_failed(answer)
    if not is_error and (status is None or status < 300) and not is_page(answer.filtered_text):
        paid = entry.outcome is Outcome.NO_IMAGE and (answer.completion_tokens or 0) > _IMAGE_TOKENS
        return Billed.YES if paid else Billed.UNKNOWN if answer.streamed or not answer.empty else entry.billed
    return entry.billed


# Which error kind: the order of the decision.


def _classify(
    answer: Answer,
    status: int | None,
    headers: Mapping[str, str],
    failure: TransportFailure | None,
    elapsed: float,
    own: OwnText,
) -> Classification:
    """Classify a call without an image."""
    failed = status is not None and status >= 400
    if answer.error is not None and (answer.error.sure or failed):
        found = classify_error(answer, status, own)
        server_error = (status or answer.error.status) in (500, 502)
        late = found.kind == "upstream_error" and server_error and elapsed > _LONG_CALL
        return replace(found, kind="gateway_timeout", rule=_LATE) if late else found
    if failure is not None:
        cut = failure is TransportFailure.CONNECTION_RESET and answer.streamed
        kind = "stream_truncated" if cut else ERROR_KIND_OF[failure]
        return classify_text(answer, own, cut=True) or Classification(
            kind, f"the transport failure {failure}"
        )
    if status is not None and status >= 300:
        return _classify_status(answer, status, headers, elapsed, own)
    return _classify_answer(answer, own)


_LATE = f"a server error after more than {_LONG_CALL:.0f} seconds"


def _classify_status(
    answer: Answer, status: int, headers: Mapping[str, str], elapsed: float, own: OwnText
) -> Classification:
    """Classify an error status whose body is no error object: a web page, plain text, or empty."""
    if status < 400:
        return Classification("wrong_endpoint", f"the redirect status {status}", sign=Sign.WORDS)
    challenged = any(name.lower() == "cf-mitigated" for name in headers)
    if challenged or (status in _WAF_STATUSES and is_blocked(answer.filtered_text, own)):
        rule = "the header cf-mitigated" if challenged else f"a firewall's page with status {status}"
        return Classification("waf_blocked", rule, sign=Sign.CERTAIN if challenged else Sign.WORDS)
    kind = HTTP_STATUSES.get(status, "bad_request" if status < 500 else "upstream_error")
    found = Classification(
        kind, f"the HTTP status {status}", sign=Sign.CERTAIN if status == 402 else Sign.WORDS
    )
    if status in _VAGUE_STATUSES and (
        told := classify_words(own.blank(normalize(answer.filtered_text)), own, status)
    ):
        found = told
    late = found.kind == "upstream_error" and elapsed > _LONG_CALL
    return replace(found, kind="gateway_timeout", rule=_LATE) if late else found


def _classify_answer(answer: Answer, own: OwnText) -> Classification:
    """Classify a good status whose answer has no image."""
    if answer.block_reason is not None:
        return Classification("moderation_input", "the member blockReason", answer.block_reason)
    if answer.html:
        return Classification(kind_of_page(answer.filtered_text, own), "a web page", sign=Sign.WORDS)
    if not answer.readable:
        return Classification("protocol_error", "a body that can't be read")
    if task := classify_task(answer, own):
        return task
    if found := _classify_finish(answer, "moderation", "moderation_input", "moderation_output", "refusal"):
        return found
    if answer.withheld:
        return Classification("moderation_output", "a safety member of the answer", answer.withheld)
    if answer.refusal:
        kind = first_match(ANSWER_PHRASES, own.blank(normalize(answer.refusal))) or "refusal"
        kind = kind if kind in REQUEST_KINDS else "refusal"
        return Classification(kind, "the member refusal", answer.refusal, Sign.CONTENT)
    if told := classify_text(answer, own, cut=answer.incomplete_stream):
        return told
    return _classify_shape(answer)


def _classify_shape(answer: Answer) -> Classification:
    """Classify a good status by what its answer consists of."""
    if answer.waiting and answer.handles:
        return Classification("pending", "a task that is not done")
    if answer.task is not None and answer.task.stage is TaskStage.RUNNING:
        return Classification("deferred", "a task that runs and can't be polled")
    if answer.task is not None and answer.task.stage is TaskStage.DONE and not answer.text.strip():
        return Classification("finished_without_image", "a finished task without an image")
    if answer.empty:
        kind = "stream_truncated" if answer.incomplete_stream else "empty_after"
        return Classification(kind, "an empty body")
    if answer.streamed and not answer.finish_reasons:
        return Classification("stream_truncated", "a stream without a finish reason")
    if found := _classify_finish(answer):
        return found
    if answer.broken:
        return Classification("protocol_error", "an incomplete image")
    if answer.poll_url:
        return Classification("deferred", "a link to the provider's data and no image")
    if answer.echoed:
        return Classification("needs_input", "an input image that is repeated")
    if answer.draft:
        return Classification("finished_without_image", "drafts without a final image")
    if answer.content and not answer.text.strip():
        return Classification("not_understood", "content that no rule understands")
    called_tool = any(reason.lower() in ("tool_calls", "function_call") for reason in answer.finish_reasons)
    if answer.text.strip() or called_tool:
        return Classification("no_image", "a text without an image")
    return Classification("empty_response", "no text and no image")


def _classify_finish(answer: Answer, *only: str) -> Classification | None:
    for reason in answer.finish_reasons:
        kind = kind_of_finish_reason(reason)
        if kind and (not only or kind in only):
            return Classification(kind, "the finish reason", reason)
    return None
