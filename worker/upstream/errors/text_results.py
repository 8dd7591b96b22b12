"""Calls that want words: a text is what came back, unless it says that something failed."""

import re
from dataclasses import replace

from models.outcomes import Billed, CallResult, Outcome
from worker.upstream.errors.error_codes import FINISHES
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.answer_text import message_text
from worker.upstream.reply import Reply

_ITEM = re.compile(r"^[ \t>*_#]*(?:\d{1,2}(?:[.)、:]|\ufe0f?\u20e3)|[-*•])", re.MULTILINE)
_FAILING = frozenset({"moderation", "moderation_input", "moderation_output", "refusal"})
_ABOUT_PICTURES = frozenset({"no_image", "empty_response", "stream_truncated", "protocol_error"})
_NO_TEXT = "The model answered without words: choose one that reads and writes for what needs a text."


def classify_as_text(reply: Reply) -> Reply:
    """Return the reply with the verdict of a call that wanted a text.

    Failures of the transport, errors and refusals stay what they are. A text that reads like a failure is
    one, but not a list: descriptions may speak of anything.
    """
    answer = reply.answer
    if answer is None or reply.failure is not None or not _came_through(reply, answer):
        return reply
    text = message_text(answer)
    if not text:
        return replace(reply, result=_without_words(reply)) if _pictures(answer) else reply
    if _reads_like_a_failure(reply.result, answer) and len(_ITEM.findall(text)) < 2:
        return reply
    return replace(reply, result=_success(reply))


def _came_through(reply: Reply, answer: Answer) -> bool:
    """Tell whether the provider did what it was asked to, whatever that came to."""
    finishes = {FINISHES.get(reason.lower()) for reason in answer.finish_reasons}
    result = reply.http_status is not None and reply.http_status < 300 and answer.error is None
    whole = answer.readable and not (answer.html or answer.incomplete_stream or answer.waiting)
    declined = answer.block_reason is not None or answer.refusal or finishes & _FAILING
    return result and whole and not declined


def _pictures(answer: Answer) -> bool:
    return bool(answer.images or answer.videos)


def _reads_like_a_failure(result: CallResult, answer: Answer) -> bool:
    """Tell whether the words were found to say what went wrong; that there is no picture does not count."""
    if result.code == "needs_input":
        return not answer.echoed
    return result.outcome is not Outcome.SUCCESS and result.code not in _ABOUT_PICTURES


def _success(reply: Reply) -> CallResult:
    return CallResult(
        Outcome.SUCCESS, message="A text came back.", billed=Billed.YES, provider_status=reply.http_status
    )


def _without_words(reply: Reply) -> CallResult:
    return CallResult(
        Outcome.NO_IMAGE,
        code="empty_response",
        message=_NO_TEXT,
        billed=Billed.YES,
        provider_status=reply.http_status,
    )
