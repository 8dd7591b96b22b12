"""Classify one provider call: outcome, error code, scope, billing and retry-after, as a ``CallResult``."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta

from models.outcomes import Billed, CallResult, Outcome, Scope
from worker.upstream.errors.answer_phrases import ANSWER_PHRASES
from worker.upstream.errors.error_catalog import ERROR_CATALOG
from worker.upstream.errors.error_codes import (
    FINISH_REASONS,
    HTTP_STATUSES,
    RELAY_ACCOUNT_EMPTY,
    kind_of_code_in,
    kind_of_error,
)
from worker.upstream.errors.error_phrases import ERROR_PHRASES
from worker.upstream.errors.retry_after import call_limit, retry_after
from worker.upstream.errors.task_results import kind_of_task
from worker.upstream.matching import first_match, normalize
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.task_state import TaskStage
from worker.upstream.transport_errors import ERROR_KIND_OF, TransportFailure

_LONG_CALL = 30.0  #: seconds after which a plain 500 may hide a finished image
_IMAGE_TOKENS = 1000  #: completion tokens which only an image costs
_MAX_MESSAGE = 2000  #: characters of the provider's message that are kept
_WAF_STATUSES = frozenset({401, 403, 405, 429, 503})  #: statuses which firewalls send, too
_VAGUE_STATUSES = frozenset({400, 401, 403, 404, 405, 429, 500, 502, 503})  #: a phrase may be more precise
#: kinds which are final, even if the stream broke off after the phrase
_FINAL_KINDS = frozenset(
    {
        "quota_exhausted",
        "daily_limit",
        "rate_limited",
        "moderation",
        "moderation_input",
        "moderation_output",
        "refusal",
    }
)
#: kinds whose phrases do not count where the text describes an image, such as one of a sign "rate limit"
_CALL_KINDS = frozenset(
    {
        "quota_exhausted",
        "daily_limit",
        "rate_limited",
        "upstream_saturated",
        "maintenance",
        "no_channel_model",
    }
)


def classify(
    answer: Answer | None,
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    failure: TransportFailure | None = None,
    elapsed: float = 0.0,
) -> CallResult:
    """Return the result of a call.

    ``answer`` is what was parsed, ``failure`` the transport failure, ``elapsed`` the call's seconds.
    An image outranks everything; then decide, in order: an error object (its code, phrases and status), the
    transport failure, the HTTP status, and the text of the answer.
    """
    if answer is not None and (answer.images or answer.videos):
        return _success(answer, status)
    kind = _kind(answer or Answer(empty=True), status, headers or {}, failure, elapsed)
    if kind == "pending":
        message = "The provider took the request as a task: its result is polled, nothing is sent again."
        return CallResult(Outcome.PENDING, message=message, provider_status=status)
    return _failure(kind, answer, status, headers or {})


def _success(answer: Answer, status: int | None) -> CallResult:
    count = len(answer.images) or len(answer.videos)
    message = f"{count} {'picture' if answer.images else 'video'}{'s' if count != 1 else ''} came back."
    if answer.partial:
        message = f"Only {message[:-1]}, fewer than asked for: send the rest as a job of its own."
    return CallResult(Outcome.SUCCESS, message=message, billed=Billed.YES, provider_status=status)


def _failure(kind: str, answer: Answer | None, status: int | None, headers: Mapping[str, str]) -> CallResult:
    """Return the catalog entry of ``kind`` with this answer's billing, retry-after and message."""
    entry = ERROR_CATALOG[kind]
    provider_message = _provider_message(answer)
    result = CallResult(
        outcome=entry.outcome,
        code=entry.code,
        message=entry.message,
        billed=_billed(kind, answer, status),
        scope=entry.scope,
        retry_after=_retry_after(entry.outcome, answer, headers),
        provider_status=status,
        provider_message=provider_message or None,
        limit=call_limit(provider_message) if entry.code == "rate_limited" else None,
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
    return (message or answer.filtered_text.strip() or answer.refusal)[:_MAX_MESSAGE]


def _forbids_retry(headers: Mapping[str, str]) -> bool:
    value = next((value for name, value in headers.items() if name.lower() == "x-should-retry"), "")
    return value.strip().lower() == "false"


def _retry_after(outcome: Outcome, answer: Answer | None, headers: Mapping[str, str]) -> timedelta | None:
    if outcome not in (Outcome.RETRY, Outcome.AMBIGUOUS, Outcome.NO_IMAGE):
        return None
    return retry_after(headers, answer.error if answer else None, answer.filtered_text if answer else "")


def _billed(kind: str, answer: Answer | None, status: int | None) -> Billed:
    entry = ERROR_CATALOG[kind]
    if answer is None or entry.billing_certain:
        return entry.billed
    if answer.error is not None and answer.error.wrapped and entry.outcome is not Outcome.AMBIGUOUS:
        return Billed.NO  # a router which names its provider does not charge for failures
    if answer.block_reason is not None:
        return Billed.LIKELY_NO
    is_error = (answer.error is not None and answer.error.sure) or _task_failed(answer)
    if not is_error and (status is None or status < 300) and not _is_page(answer.filtered_text):
        paid = entry.outcome is Outcome.NO_IMAGE and (answer.completion_tokens or 0) > _IMAGE_TOKENS
        return Billed.YES if paid else Billed.UNKNOWN if answer.streamed or not answer.empty else entry.billed
    return entry.billed


# Which error kind: the order of the decision.


def _kind(
    answer: Answer,
    status: int | None,
    headers: Mapping[str, str],
    failure: TransportFailure | None,
    elapsed: float,
) -> str:
    """Return the error kind of a call without an image, or ``pending``."""
    failed = status is not None and status >= 400
    if answer.error is not None and (answer.error.sure or failed):
        kind = kind_of_error(answer, status)
        server_error = (status or answer.error.status) in (500, 502)
        late = kind == "upstream_error" and server_error and elapsed > _LONG_CALL
        return "gateway_timeout" if late else kind
    if failure is not None:
        cut = failure is TransportFailure.CONNECTION_RESET and answer.streamed
        return _kind_of_text(answer, cut=True) or ("stream_truncated" if cut else ERROR_KIND_OF[failure])
    if status is not None and status >= 300:
        return _kind_of_status(answer, status, headers, elapsed)
    return _kind_of_answer(answer)


def _kind_of_status(answer: Answer, status: int, headers: Mapping[str, str], elapsed: float) -> str:
    """Classify an error status whose body is no error object: a web page, plain text, or empty."""
    if status < 400:
        return "wrong_endpoint"
    challenged = any(name.lower() == "cf-mitigated" for name in headers)
    if challenged or (status in _WAF_STATUSES and _is_blocked(answer.filtered_text)):
        return "waf_blocked"
    kind = HTTP_STATUSES.get(status, "bad_request" if status < 500 else "upstream_error")
    if status in _VAGUE_STATUSES:
        kind = first_match(ERROR_PHRASES, normalize(answer.filtered_text)) or kind
    return "gateway_timeout" if kind == "upstream_error" and elapsed > _LONG_CALL else kind


def _kind_of_answer(answer: Answer) -> str:
    """Classify a good status whose answer has no image."""
    if answer.block_reason is not None:
        return "moderation_input"
    if answer.html:
        return _kind_of_page(answer.filtered_text)
    if not answer.readable:
        return "protocol_error"
    if kind := kind_of_task(answer):
        return kind
    if kind := _kind_of_finish(answer, "moderation", "moderation_input", "moderation_output", "refusal"):
        return kind
    if answer.refusal:
        return first_match(ANSWER_PHRASES, normalize(answer.refusal)) or "refusal"
    if kind := _kind_of_text(answer, cut=answer.incomplete_stream):
        return kind
    if answer.waiting and answer.handles:
        return "pending"
    if answer.task is not None and answer.task.stage is TaskStage.RUNNING:
        return "deferred"
    if answer.task is not None and answer.task.stage is TaskStage.DONE and not answer.text.strip():
        return "finished_without_image"
    if answer.empty:
        return "stream_truncated" if answer.incomplete_stream else "empty_after"
    if answer.streamed and not answer.finish_reasons:
        return "stream_truncated"
    if kind := _kind_of_finish(answer):
        return kind
    if answer.broken:
        return "protocol_error"
    if answer.poll_url:
        return "deferred"
    if answer.echoed:
        return "needs_input"
    if answer.draft:
        return "finished_without_image"
    if answer.content and not answer.text.strip():
        return "not_understood"
    called_tool = any(reason.lower() in ("tool_calls", "function_call") for reason in answer.finish_reasons)
    return "no_image" if answer.text.strip() or called_tool else "empty_response"


def _kind_of_finish(answer: Answer, *only: str) -> str | None:
    kinds = (FINISH_REASONS.get(reason.lower()) for reason in answer.finish_reasons)
    return next((kind for kind in kinds if kind and (not only or kind in only)), None)


# The text of an answer: phrases, and errors which a relay passes on as text.

_MAX_NOTICE = 120  #: characters; a longer text is the model's, not the relay's
_LABELLED_ERROR = re.compile(
    r"(?:失败原因|错误原因|(?:failure|error) reason|reason for failure)\**\s*[:：]\**\s*([^\n]{1,400})"
)
_NUMBERED_ERROR = re.compile(
    r"^\W{0,8}(?:(?:api|http|request|upstream)?\s?error|错误|请求失败)[^\w\n]{0,4}(?:code|status)?\W{0,4}([45]\d\d)\b"
)
#: kinds which a short text may mean, and which have no phrases for answers
_NOTICE_KINDS = frozenset(
    {
        "auth_invalid",
        "auth_expired",
        "account_blocked",
        "no_channel",
        "no_channel_model",
        "no_channel_provider",
    }
)
#: start of a text that presents an image: what it quotes of it is no error
_PRESENTS_IMAGE = re.compile(
    r"^\W{0,8}(?:here(?:'s| is| are) (?:the|your|an?)"
    r"|i(?:'ve| have)? (?:drew|drawn|created|made|designed|generated) (?:the|your|an?)"
    r"|这是|(?:已|已经)?(?:为|给|帮)(?:您|你)(?:生成|绘制|创作|设计|制作)(?:了|的))"
)


def _kind_of_text(answer: Answer, *, cut: bool) -> str | None:
    """Return the error kind of the text in place of an image.

    In an answer that was ``cut``, only final kinds count: after a failure the provider may have tried again.
    """
    for text in _texts(answer):
        if _is_page(text):
            return _kind_of_page(text)
        text = normalize(text)
        kind = first_match(ANSWER_PHRASES, text)
        if kind in _CALL_KINDS and _PRESENTS_IMAGE.match(text):
            kind = None
        if kind in (None, "upstream_error"):
            kind = _kind_of_notice(text) or kind
        if kind == "deferred" and answer.streamed and not answer.finish_reasons:
            continue  # a progress message, after which the stream broke off
        if kind and (not cut or kind in _FINAL_KINDS):
            return kind
    return None


def _texts(answer: Answer) -> Iterator[str]:
    yield answer.filtered_text
    if any(reason.lower() == "error" for reason in answer.finish_reasons):
        yield answer.reasoning


def _kind_of_notice(text: str) -> str | None:
    """Return the error kind of an error within normalised text: after a label, or as the whole of it."""
    if labelled := _LABELLED_ERROR.search(text):
        return first_match(ERROR_PHRASES, labelled[1]) or kind_of_code_in(labelled[1])
    if len(text) > _MAX_NOTICE:
        return None
    if RELAY_ACCOUNT_EMPTY.search(text):
        return "upstream_quota"
    kind = first_match(ERROR_PHRASES, text)
    if numbered := _NUMBERED_ERROR.match(text):
        return kind or HTTP_STATUSES.get(int(numbered[1]))
    return kind if kind in _NOTICE_KINDS else None


# Web pages in place of an answer: of a firewall, a proxy, or the provider's site.

_PAGE_START = 16_384  #: characters of a page which are searched
_WAF_LINE = r"\berror(?: code)?:? (?:100[6-9]|101[02]|1020)\b"
_WAF_NOTICE = re.compile(_WAF_LINE)
_WAF_PAGE = re.compile(
    r"just a moment|attention required|cf-challenge|challenge-platform|you have been blocked|captcha"
    r"|access denied|ddos protection|request blocked|安全威胁|访问被(?:阻断|拦截)|" + _WAF_LINE
)
_RATE_LIMIT_PAGE = re.compile(r"\berror(?: code)?:? (?:1015|1200)\b|being rate limited")
_STATUS_PAGE = re.compile(r"<(?:title|h1)>[^<]{0,80}?\b([45]\d\d)\b")
_MAINTENANCE_PAGE = re.compile(r"maintenance|维护|メンテナンス")


def _is_page(text: str) -> bool:
    return text[:64].lstrip().lower().startswith(("<!doctype", "<html"))


def _is_blocked(text: str) -> bool:
    """Return whether a web page or a line of text is from a firewall."""
    page = normalize(text[:_PAGE_START])
    return not _RATE_LIMIT_PAGE.search(page) and bool(
        (_WAF_PAGE if _is_page(text) else _WAF_NOTICE).search(page)
    )


def _kind_of_page(text: str) -> str:
    """Return the error kind of a web page with a good status, or within an answer."""
    page = normalize(text[:_PAGE_START])
    if _is_blocked(text):
        return "waf_blocked"
    if _RATE_LIMIT_PAGE.search(page):
        return "rate_limited"
    if status := _STATUS_PAGE.search(page):
        kind = HTTP_STATUSES.get(int(status[1]), "upstream_error")
        return "upstream_page" if kind in ("upstream_error", "upstream_saturated") else kind
    return "maintenance" if _MAINTENANCE_PAGE.search(page) else "wrong_endpoint"
