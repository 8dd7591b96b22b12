"""Classify calls that ask for a text: a text is the result, unless it says that something failed."""

import re
from dataclasses import replace

from models.outcomes import Billed, CallResult, Outcome
from worker.upstream.errors.error_codes import kind_of_finish_reason
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.answer_text import message_text
from worker.upstream.reply import Reply

_LIST_ITEM = re.compile(r"^[ \t>*_#]*(?:\d{1,2}(?:[.)、:]|\ufe0f?\u20e3)|[-*•])", re.MULTILINE)
_MAX_FAILURE = 500  #: characters of a text that may be a failure; a longer one is the text that was asked for
_REFUSAL_KINDS = frozenset({"moderation", "moderation_input", "moderation_output", "refusal"})
#: codes that only say that there is no image
_NO_IMAGE_CODES = frozenset({"no_image", "empty_response", "stream_truncated", "protocol_error"})
_NO_TEXT = "The model answered without words: choose one that reads and writes for what needs a text."


def classify_as_text(reply: Reply, *, tools: bool = False) -> Reply:
    """Return the reply with the result of a call that asked for a text; with ``tools``, or for their calls.

    Transport failures, error objects and refusals stay failures. A text that reads like a failure is one,
    unless it is long or a list: descriptions may mention anything.
    """
    answer = reply.answer
    if answer is None or reply.failure is not None or not _is_complete(reply, answer):
        return reply
    if tools and answer.tool_calls:
        return replace(reply, result=_success(reply))
    text = message_text(answer)
    if not text:
        return replace(reply, result=_without_text(reply)) if answer.images or answer.videos else reply
    short = len(text) <= _MAX_FAILURE and len(_LIST_ITEM.findall(text)) < 2
    if short and _reads_like_failure(reply.result, answer):
        return reply
    return replace(reply, result=_success(reply))


def _is_complete(reply: Reply, answer: Answer) -> bool:
    """Return whether the provider answered in full and did not refuse."""
    kinds = {kind_of_finish_reason(reason) for reason in answer.finish_reasons}
    accepted = reply.http_status is not None and reply.http_status < 300 and answer.error is None
    whole = answer.readable and not (answer.html or answer.incomplete_stream or answer.waiting)
    refused = answer.block_reason is not None or answer.refusal or kinds & _REFUSAL_KINDS
    return accepted and whole and not refused


def _reads_like_failure(result: CallResult, answer: Answer) -> bool:
    """Return whether the text was classified as a failure; that there is no image does not count."""
    if result.code == "needs_input":
        return not answer.echoed
    return result.outcome is not Outcome.SUCCESS and result.code not in _NO_IMAGE_CODES


def _success(reply: Reply) -> CallResult:
    return CallResult(
        Outcome.SUCCESS, message="A text came back.", billed=Billed.YES, provider_status=reply.http_status
    )


def _without_text(reply: Reply) -> CallResult:
    return CallResult(
        Outcome.NO_IMAGE,
        code="empty_response",
        message=_NO_TEXT,
        billed=Billed.YES,
        provider_status=reply.http_status,
    )
