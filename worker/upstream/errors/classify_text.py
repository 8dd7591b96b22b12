"""Classify the text of a good answer in place of an image: phrases, and errors that a relay passes on."""

import re
from collections.abc import Iterator

from models.outcomes import Sign
from worker.upstream.errors.answer_phrases import ANSWER_PHRASES, DEPICTION
from worker.upstream.errors.classification import Classification
from worker.upstream.errors.classify_error import RELAY_ACCOUNT_EMPTY
from worker.upstream.errors.error_catalog import REQUEST_KINDS
from worker.upstream.errors.error_codes import HTTP_STATUSES, kind_of_code_in
from worker.upstream.errors.error_phrases import ERROR_PHRASES
from worker.upstream.errors.own_text import OwnText
from worker.upstream.errors.web_pages import is_page, kind_of_page
from worker.upstream.matching import find_match, normalize, without_quotations
from worker.upstream.parsing.answer import Answer

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
#: kinds that a sentence of the model may mean at any place, and in quotations
_SPOKEN_KINDS = REQUEST_KINDS | {"deferred", "needs_input"}
_MAX_NOTICE = 120  #: characters; a longer text is the model's, not the relay's
_MAX_ERROR_TEXT = 400  #: characters of a text that may say that the call failed, without quotations
_LABELLED_ERROR = re.compile(
    r"(?:失败原因|错误原因|(?:failure|error) reason|reason for failure)\**\s*[:：]\**\s*([^\n]{1,400})"
)
_NUMBERED_ERROR = re.compile(
    r"^\W{0,8}(?:(?:api|http|request|upstream)?\s?error|错误|请求失败)[^\w\n]{0,4}(?:code"
    r"|status)?\W{0,4}([45]\d\d)\b"
)
#: kinds which a short text may mean, and which have no phrases for answers
_NOTICE_KINDS = frozenset(
    {
        "auth_invalid",
        "auth_expired",
        "account_blocked",
        "quota_exhausted",
        "no_channel",
        "no_channel_model",
        "no_channel_provider",
        "upstream_lost",
        "too_large_for_relay",
    }
)
#: start of a text that presents an image: what it quotes of it is no error
_PRESENTS_IMAGE = re.compile(
    r"^\W{0,8}(?:here(?:'s| is| are) (?:the|your|an?)"
    r"|i(?:'ve| have)? (?:drew|drawn|created|made|designed|generated) (?:the|your|an?)"
    r"|这是|(?:已|已经)?(?:为|给|帮)(?:您|你)(?:生成|绘制|创作|设计|制作)(?:了|的))"
)


def classify_text(answer: Answer, own: OwnText, *, cut: bool) -> Classification | None:
    """Classify by the text in place of an image; it proves nothing beyond its job.

    In an answer that was ``cut``, only final kinds count: after a failure the provider may have tried again.
    """
    for text in _texts(answer):
        if is_page(text):
            return Classification(kind_of_page(text, own), "a web page within the answer", sign=Sign.CONTENT)
        found = _kind_in_text(text, own)
        if found is None:
            continue
        kind, words = found
        if kind == "deferred" and answer.streamed and not answer.finish_reasons:
            continue  # a progress message, after which the stream broke off
        if not cut or kind in _FINAL_KINDS:
            return Classification(kind, f"a phrase for {kind} in the answer", words, Sign.CONTENT)
    return None


def _kind_in_text(text: str, own: OwnText) -> tuple[str, str] | None:
    """Return the error kind of a text of the model, and the words that mean it.

    That the call failed is told by the whole of a short text: not by what it quotes or says of the picture,
    nor by what the request asks for. A refusal may be told by any sentence.
    """
    whole = own.blank(normalize(text))
    spoken = own.blank(normalize(without_quotations(text)))
    describes = bool(DEPICTION.search(spoken) or _PRESENTS_IMAGE.match(spoken))
    failure = "" if describes or len(_without_progress(spoken)) > _MAX_ERROR_TEXT else spoken
    found = None
    for pattern, kind in ANSWER_PHRASES:
        match = pattern.search(whole if kind in _SPOKEN_KINDS else failure)
        if match and (kind in _SPOKEN_KINDS or not own.contains(match[0])):
            found = kind, match[0]
            break
    if found is None or found[0] == "upstream_error":
        notice = _kind_of_notice(failure)
        found = notice if notice and not own.contains(notice[1]) else found
    return found


def _without_progress(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith(">"))


def _texts(answer: Answer) -> Iterator[str]:
    yield answer.filtered_text
    if any(reason.lower() == "error" for reason in answer.finish_reasons):
        yield answer.reasoning


def _kind_of_notice(text: str) -> tuple[str, str] | None:
    """Return the error kind of an error within normalised text: after a label, or as the whole of it."""
    if labelled := _LABELLED_ERROR.search(text):
        if found := find_match(ERROR_PHRASES, labelled[1]):
            return found
        return (code, labelled[1]) if (code := kind_of_code_in(labelled[1])) else None
    if len(text) > _MAX_NOTICE:
        return None
    if empty := RELAY_ACCOUNT_EMPTY.search(text):
        return "upstream_quota", empty[0]
    found = find_match(ERROR_PHRASES, text)
    if numbered := _NUMBERED_ERROR.match(text):
        kind = HTTP_STATUSES.get(int(numbered[1]))
        return found or ((kind, numbered[0]) if kind else None)
    return found if found and (found[0] in _NOTICE_KINDS or found[0] in REQUEST_KINDS) else None
