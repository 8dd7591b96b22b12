"""Judges one call: what it came to, who is to blame, what it cost, and when to try again."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta

from models.outcomes import Billed, CallResult, Outcome, Scope
from worker.upstream.errors.answer_phrases import ANSWER_PHRASES
from worker.upstream.errors.error_catalog import ERROR_CATALOG
from worker.upstream.errors.error_codes import FINISHES, RELAYS_MONEY, STATUSES, code_in, name_of_error
from worker.upstream.errors.error_phrases import ERROR_PHRASES
from worker.upstream.errors.retry_after import call_limit, retry_after
from worker.upstream.matching import first_match, normalize
from worker.upstream.parsing.answer import Answer
from worker.upstream.transport_errors import ERROR_KIND_OF, TransportFailure

# Web pages in the place of an answer: whose they are, and what they mean.

_LONGEST = 16_384  #: characters; a page says what it is at its beginning
_CLOUDFLARE = r"\berror(?: code)?:? (?:100[6-9]|101[02]|1020)\b"
_NOTE = re.compile(_CLOUDFLARE)
_CHALLENGE = re.compile(
    r"just a moment|attention required|cf-challenge|challenge-platform|you have been blocked|captcha"
    r"|access denied|ddos protection|request blocked|安全威胁|访问被(?:阻断|拦截)|" + _CLOUDFLARE
)
_LIMITED = re.compile(r"\berror(?: code)?:? (?:1015|1200)\b|being rate limited")
_STATUS = re.compile(r"<(?:title|h1)>[^<]{0,80}?\b([45]\d\d)\b")
_MAINTENANCE = re.compile(r"maintenance|维护|メンテナンス")
_VAGUE_PAGE = frozenset({"upstream_error", "upstream_saturated"})


def is_page(text: str) -> bool:
    """Tell whether a text is a web page."""
    return text[:64].lstrip().lower().startswith(("<!doctype", "<html"))


def is_blocked(text: str) -> bool:
    """Tell whether a page or a line of text is a firewall's."""
    page = normalize(text[:_LONGEST])
    return not _LIMITED.search(page) and bool((_CHALLENGE if is_page(text) else _NOTE).search(page))


def name_of_page(text: str) -> str:
    """Return the name of the ruling for a page that came with a good status, or inside an answer."""
    page = normalize(text[:_LONGEST])
    if is_blocked(text):
        return "waf_blocked"
    if _LIMITED.search(page):
        return "rate_limited"
    if number := _STATUS.search(page):
        name = STATUSES.get(int(number[1]), "upstream_error")
        return "upstream_page" if name in _VAGUE_PAGE else name
    return "maintenance" if _MAINTENANCE.search(page) else "wrong_endpoint"


# Errors that a relay passes on as text: a reason after its label, or nothing but the error's own words.

_LABELLED = re.compile(
    r"(?:失败原因|错误原因|(?:failure|error) reason|reason for failure)\**\s*[:：]\**\s*([^\n]{1,400})"
)
_NUMBERED = re.compile(
    r"^\W{0,8}(?:(?:api|http|request|upstream)?\s?error|错误|请求失败)[^\w\n]{0,4}(?:code|status)?\W{0,4}([45]\d\d)\b"
)
#: the beginning of a text that presents a picture: what it quotes from it is no notice
_PRESENTS = re.compile(
    r"^\W{0,8}(?:here(?:'s| is| are) (?:the|your|an?)"
    r"|i(?:'ve| have)? (?:drew|drawn|created|made|designed|generated) (?:the|your|an?)"
    r"|这是|(?:已|已经)?(?:为|给|帮)(?:您|你)(?:生成|绘制|创作|设计|制作)(?:了|的))"
)
_LONGEST_ALONE = 120  #: characters; who says more is the model, not the relay
#: what a short text may mean that is in no answer's words for people
_ALONE = frozenset(
    {
        "auth_invalid",
        "auth_expired",
        "account_blocked",
        "no_channel",
        "no_channel_model",
        "no_channel_provider",
    }
)


def name_of_reason(text: str) -> str | None:
    """Return the ruling of an error that stands in a ``plain`` text, or ``None``."""
    if labelled := _LABELLED.search(text):
        return _named(labelled[1])
    if len(text) > _LONGEST_ALONE:
        return None
    if RELAYS_MONEY.search(text):
        return "upstream_quota"
    if numbered := _NUMBERED.match(text):
        return first_match(ERROR_PHRASES, text) or STATUSES.get(int(numbered[1]))
    name = first_match(ERROR_PHRASES, text)
    return name if name in _ALONE else None


def is_about_a_picture(text: str) -> bool:
    """Tell whether a ``plain`` text describes a picture, so that words like "rate limit" are on it."""
    return _PRESENTS.match(text) is not None


def _named(reason: str) -> str | None:
    """Read the words after a label: a code, or a sentence of an error."""
    return first_match(ERROR_PHRASES, reason) or code_in(reason)


_LONG_WORK = 30.0  #: seconds after which a plain 500 may hide a finished picture
_TOKENS_OF_A_PICTURE = 1000  #: completion tokens that only a picture costs
_OF_THE_CALL = frozenset(
    {
        "quota_exhausted",
        "daily_limit",
        "rate_limited",
        "upstream_saturated",
        "maintenance",
        "no_channel_model",
    }
)
_LONGEST_WORDS = 2000
_GUARDED = frozenset({401, 403, 405, 429, 503})  #: statuses that firewalls answer with, too
_VAGUE = frozenset({400, 401, 403, 404, 405, 429, 500, 502, 503})  #: statuses that a page or text may explain
_FINAL = frozenset(
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


def classify(
    answer: Answer | None,
    *,
    status: int | None = None,
    headers: Mapping[str, str] | None = None,
    failure: TransportFailure | None = None,
    elapsed: float = 0.0,
) -> CallResult:
    """Return the verdict on a call.

    ``answer`` is what could be read, ``failure`` what the network did, ``elapsed`` how many seconds it took.
    A picture beats everything; then the transport, the error's own code, its words, and the status decide.
    """
    if answer is not None and (answer.images or answer.videos):
        return _success(answer, status)
    name = _name(answer or Answer(empty=True), status, headers or {}, failure, elapsed)
    if name == "pending":
        message = "The provider took the request as a task: its result is polled, nothing is sent again."
        return CallResult(Outcome.PENDING, message=message, provider_status=status)
    return _result_of(name, answer, status, headers or {})


def _success(answer: Answer, status: int | None) -> CallResult:
    count = len(answer.images) or len(answer.videos)
    message = f"{count} {'picture' if answer.images else 'video'}{'s' if count != 1 else ''} came back."
    if answer.partial:
        message = f"Only {message[:-1]}, fewer than asked for: send the rest as a job of its own."
    return CallResult(Outcome.SUCCESS, message=message, billed=Billed.YES, provider_status=status)


def _result_of(
    name: str, answer: Answer | None, status: int | None, headers: Mapping[str, str]
) -> CallResult:
    """Fill in a ruling with what this very answer says about cost, waiting and words."""
    kind = ERROR_CATALOG[name]
    error = answer.error if answer else None
    words = (error.message if error else "") or (
        (answer.filtered_text.strip() or answer.refusal) if answer else ""
    )
    result = CallResult(
        outcome=kind.outcome,
        code=kind.code,
        message=kind.message,
        billed=_billed(name, answer, status),
        scope=kind.scope,
        retry_after=_wait(kind.outcome, answer, headers),
        provider_status=status,
        provider_message=words[:_LONGEST_WORDS] or None,
        limit=call_limit(words[:_LONGEST_WORDS]) if kind.code == "rate_limited" else None,
    )
    vetoed = (
        next((v for k, v in headers.items() if k.lower() == "x-should-retry"), "").strip().lower() == "false"
    )
    if vetoed and result.outcome is Outcome.RETRY:
        happened = result.message.partition(":")[0]
        message = f"{happened}, and the provider forbids to try again: ask it why, or use another channel."
        return replace(result, outcome=Outcome.PERMANENT, scope=Scope.PROVIDER, message=message)
    return result


def _wait(outcome: Outcome, answer: Answer | None, headers: Mapping[str, str]) -> timedelta | None:
    if outcome not in (Outcome.RETRY, Outcome.AMBIGUOUS, Outcome.NO_IMAGE):
        return None
    return retry_after(headers, answer.error if answer else None, answer.filtered_text if answer else "")


def _billed(name: str, answer: Answer | None, status: int | None) -> Billed:
    kind = ERROR_CATALOG[name]
    if answer is None or kind.sure:
        return kind.billed
    if answer.error is not None and answer.error.wrapped and kind.outcome is not Outcome.AMBIGUOUS:
        return Billed.NO  # a router that names its provider does not charge for failures
    if answer.block_reason is not None:
        return Billed.LIKELY_NO
    said_no = answer.error is not None and answer.error.sure
    if not said_no and (status is None or status < 300) and not is_page(answer.filtered_text):
        tokens = answer.completion_tokens or 0
        paid = kind.outcome is Outcome.NO_IMAGE and tokens > _TOKENS_OF_A_PICTURE
        return Billed.YES if paid else Billed.UNKNOWN if answer.streamed or not answer.empty else kind.billed
    return kind.billed


def _name(
    answer: Answer,
    status: int | None,
    headers: Mapping[str, str],
    failure: TransportFailure | None,
    elapsed: float,
) -> str:
    """Return the name of the ruling, in the order of the decision."""
    failing = status is not None and status >= 400
    if answer.error is not None and (answer.error.sure or failing):
        name = name_of_error(answer, status)
        late = (
            name == "upstream_error"
            and (status or answer.error.status) in (500, 502)
            and elapsed > _LONG_WORK
        )
        return "gateway_timeout" if late else name
    if failure is not None:
        cut = failure is TransportFailure.CONNECTION_RESET and answer.streamed
        return _said(answer, cut=True) or ("stream_truncated" if cut else ERROR_KIND_OF[failure])
    if status is not None and status >= 300:
        return _by_status(answer, status, headers, elapsed)
    return _of_answer(answer)


def _by_status(answer: Answer, status: int, headers: Mapping[str, str], elapsed: float) -> str:
    """Judge an error status whose body is no error object: a page, plain text, or nothing."""
    if status < 400:
        return "wrong_endpoint"
    challenged = any(name.lower() == "cf-mitigated" for name in headers)
    if challenged or (status in _GUARDED and is_blocked(answer.filtered_text)):
        return "waf_blocked"
    name = STATUSES.get(status, "bad_request" if status < 500 else "upstream_error")
    if status in _VAGUE and (said := first_match(ERROR_PHRASES, normalize(answer.filtered_text))):
        name = said
    return "gateway_timeout" if name == "upstream_error" and elapsed > _LONG_WORK else name


def _of_answer(answer: Answer) -> str:
    """Judge an accepted request whose answer has no picture."""
    if answer.block_reason is not None:
        return "moderation_input"
    if answer.html:
        return name_of_page(answer.filtered_text)
    if not answer.readable:
        return "protocol_error"
    if name := _finish(answer, "moderation", "moderation_input", "moderation_output", "refusal"):
        return name
    if answer.refusal:
        return first_match(ANSWER_PHRASES, normalize(answer.refusal)) or "refusal"
    if name := _said(answer, cut=answer.incomplete_stream):
        return name
    if answer.waiting and answer.handles:
        return "pending"
    if answer.empty:
        return "stream_truncated" if answer.incomplete_stream else "empty_after"
    if answer.streamed and not answer.finish_reasons:
        return "stream_truncated"
    if name := _finish(answer):
        return name
    if answer.broken:
        return "protocol_error"
    if answer.poll_url:
        return "deferred"
    if answer.echoed:
        return "needs_input"
    called = any(reason.lower() in ("tool_calls", "function_call") for reason in answer.finish_reasons)
    return "no_image" if answer.text.strip() or called else "empty_response"


def _finish(answer: Answer, *only: str) -> str | None:
    names = (FINISHES.get(reason.lower()) for reason in answer.finish_reasons)
    return next((name for name in names if name and (not only or name in only)), None)


def _said(answer: Answer, *, cut: bool) -> str | None:
    """Judge by the words that stand where a picture should be.

    In an answer that was ``cut`` only final words count: after a failure the provider may have tried again.
    """
    for words in _voices(answer):
        if is_page(words):
            return name_of_page(words)
        text = normalize(words)
        name = first_match(ANSWER_PHRASES, text)
        if name in _OF_THE_CALL and is_about_a_picture(text):
            name = None
        if name in (None, "upstream_error"):
            name = name_of_reason(text) or name
        if name == "deferred" and answer.streamed and not answer.finish_reasons:
            continue  # it was said while the picture was drawn, and then the stream broke off
        if name and (not cut or name in _FINAL):
            return name
    return None


def _voices(answer: Answer) -> Iterator[str]:
    yield answer.filtered_text
    if any(reason.lower() == "error" for reason in answer.finish_reasons):
        yield answer.reasoning
