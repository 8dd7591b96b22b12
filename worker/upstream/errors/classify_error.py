"""Classify an error object: by its error code, then its phrases, then its HTTP status."""

import re
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from models.outcomes import Sign
from worker.upstream.errors.classification import Classification
from worker.upstream.errors.error_catalog import REQUEST_KINDS
from worker.upstream.errors.error_codes import HTTP_STATUSES, kind_of_code, kind_of_code_in
from worker.upstream.errors.error_phrases import ERROR_PHRASES
from worker.upstream.errors.own_text import NO_REQUEST, OwnText
from worker.upstream.errors.validation import is_validation_error
from worker.upstream.errors.vendor_codes import find_vendor_code
from worker.upstream.matching import normalize
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.error_object import ErrorObject

#: phrases, for normalised text, which say that the relay's own account at its vendor is empty
RELAY_ACCOUNT_EMPTY = re.compile(
    r"上游.{0,8}(?:余额|额度不足|欠费)|no available image quota"
    r"|(?:account|key|token|credential) pool.{0,24}(?:quota|usage|credit|balance|limit|exhaust|deplet)"
    r"|(?:账号|帐号|账户|号|密钥)池.{0,8}(?:额度|配额|余额|限额)"
    r"|upstream account.{0,24}(?:balance|quota|credit)"
)
#: phrases about an empty account; whether it is ours or the relay's, the rest of the error decides
_ACCOUNT_EMPTY = re.compile(
    r"exceeded your current quota|insufficient_quota|credit balance|billing (?:hard )?limit|billing details"
    r"|insufficient (?:account )?(?:balance|credits?|quota|funds)|余额不足|欠费"
    r"|(?:balance|credits?) (?:is |are )?(?:insufficient|not enough|exhausted|depleted)"
)
#: of these, phrases which only vendors of models use
_VENDOR_ACCOUNT_EMPTY = re.compile(
    r"exceeded your current quota|credit balance is too low|billing (?:hard )?limit|billing details"
)
#: codes of relays for their own customers: the account is ours, regardless of the message
_OWN_ACCOUNT_CODES = frozenset({"insufficient_user_quota", "pre_consume_token_quota_failed"})
#: request id which relays append to messages that they pass on
_REQUEST_ID_SUFFIX = re.compile(r"\((?:request id|traceid|tid)\s*[:：]|（(?:request id|traceid|tid)\s*[:：]")
_RELAY_CODE = re.compile(r"^\w+_(?:api|hub)_error$")
#: Google's phrases for a limit per minute or per day
_GOOGLE_QUOTA = re.compile(
    r"quota exceeded for (?:quota )?(?:metric|\S*googleapis)|resource (?:has been )?exhausted"
)
_SATURATED = re.compile(r"负载(?:已)?饱和|上游(?:已)?饱和|load is saturated")
_NO_CHANNEL = re.compile(r"无可用(?:的)?渠道|no available channels?|no channels? (?:is |are )?available")
_TIMED_OUT = re.compile(r"timeout|timed out|time-out|deadline exceeded|超时|逾时")
_STATUS_IN_TEXT = re.compile(
    r"(?:status|error|http)(?:[ _]code)?\s?[:=]?\s?\(?([45]\d\d)\b|状态码\s?[:：]?\s?([45]\d\d)\b"
)
_PER_DAY = re.compile(r"per[ _-]?day", re.IGNORECASE)
_PER_MODEL = re.compile(r"per[ _-]?model", re.IGNORECASE)

_KEY_KINDS = frozenset({"auth_invalid", "auth_expired", "account_blocked", "quota_exhausted"})
#: kinds that a phrase means, and that this HTTP status makes certain
_CONFIRMED_BY: Mapping[int, frozenset[str]] = MappingProxyType(
    {
        401: _KEY_KINDS | {"ip_not_allowed"},
        402: frozenset({"quota_exhausted"}),
        403: _KEY_KINDS | {"ip_not_allowed", "permission_model"},
        404: frozenset({"model_not_found", "wrong_endpoint"}),
        405: frozenset({"wrong_endpoint"}),
        501: frozenset({"not_implemented"}),
    }
)

#: kinds about a key, where the key is the relay's and not ours
_RELAY_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "auth_invalid": "upstream_auth",
        "auth_expired": "upstream_auth",
        "account_blocked": "upstream_auth",
    }
)
#: the same, where only the status was known
_RELAY_STATUS_KINDS: Mapping[str, str] = MappingProxyType(
    {
        **_RELAY_KINDS,
        "permission_denied": "upstream_auth",
        "wrong_endpoint": "upstream_auth",
        "quota_exhausted": "upstream_quota",
    }
)
#: kinds of codes that phrases make more precise
_CODE_REFINEMENTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "rate_limited": ("daily_limit", "concurrency_limited", "upstream_quota"),
        "quota_exhausted": ("daily_limit", "account_blocked"),
        "auth_invalid": ("auth_expired", "ip_not_allowed"),
        "input_image_unreachable": ("input_image_gone",),
    }
)
#: kinds of phrases that other phrases make more precise
_PHRASE_REFINEMENTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"quota_exhausted": ("daily_limit",), "moderation": ("moderation_output", "moderation_input")}
)


_VAGUE_KINDS = frozenset({"upstream_error", "not_implemented"})  #: of numbers; words may be more precise


def kind_of_error(answer: Answer, status: int | None) -> str:
    """Return the error kind of the error object of ``answer``; ``status`` is the HTTP status."""
    return classify_error(answer, status).kind


def classify_error(answer: Answer, status: int | None, own: OwnText = NO_REQUEST) -> Classification:
    """Classify the error object of ``answer``; ``status`` is the HTTP status, ``own`` the request's text."""
    error = answer.error or ErrorObject()
    error = replace(error, names=tuple(name for name in error.names if not own.has_value(name)))
    error_status = status if status is not None and status >= 400 else None
    text = own.blank(normalize(f"{error.message} {' '.join(error.names)}"))
    found = _classify(answer, error, text, error_status, own)
    if error.embedded:
        return replace(found, sign=Sign.CONTENT)
    return found


def _classify(
    answer: Answer, error: ErrorObject, text: str, error_status: int | None, own: OwnText
) -> Classification:
    from_upstream = _is_from_upstream(error, text)
    if quota := _google_quota(error, text) or _relay_quota(error, text, own):
        return quota
    found = _by_code(error, text, error_status or error.status)
    if found is None and is_validation_error(error, text, error_status or error.status):
        return _by_validation(text)
    found = found or _by_phrase(text, own) or _by_number(error, text)
    if found is None:
        found = _by_status(answer, error, text, error_status)
        kinds = _RELAY_STATUS_KINDS
    else:
        kinds = _RELAY_KINDS
    if found.kind == "no_channel_model" and (error_status or error.status) == 404:
        found = replace(found, kind="model_not_found")  # no outage: there is no such model
    confirmed = found.kind in _CONFIRMED_BY.get(error_status or error.status or 0, frozenset())
    sign = Sign.CERTAIN if confirmed else found.sign
    return replace(found, kind=kinds.get(found.kind, found.kind) if from_upstream else found.kind, sign=sign)


def _by_code(error: ErrorObject, text: str, status: int | None) -> Classification | None:
    """Classify by a code of the error: one of our tables, or a vendor's number that is precise."""
    found = _kind_of_names(error, text, status) or _by_number(error, text)
    return None if found and found.kind in _VAGUE_KINDS else found


def _by_number(error: ErrorObject, text: str) -> Classification | None:
    number = find_vendor_code(error, text)
    return Classification(*number) if number else None


def _by_validation(text: str) -> Classification:
    """Classify an error about the request's parameters: by what it says of the request alone."""
    for pattern, kind in ERROR_PHRASES:
        if kind in REQUEST_KINDS and (found := pattern.search(text)):
            return Classification(kind, f"a validation error with a phrase for {kind}", found[0])
    return Classification("bad_request", "a validation error")


def _by_phrase(text: str, own: OwnText) -> Classification | None:
    """Classify by the words of the message, then by a code within them.

    Words that the request has, too, count only for what concerns the request.
    """
    for pattern, kind in ERROR_PHRASES:
        match = pattern.search(text)
        if match and (kind in REQUEST_KINDS or not own.contains(match[0])):
            found = Classification(kind, f"a phrase for {kind}", match[0], Sign.WORDS)
            return _refined(found, text, _PHRASE_REFINEMENTS)
    if kind_in_text := kind_of_code_in(text):
        return Classification(kind_in_text, f"a code for {kind_in_text} within the message", sign=Sign.WORDS)
    return None


def classify_words(text: str, own: OwnText, status: int) -> Classification | None:
    """Classify a text with an error status that is no error object, by its words alone."""
    found = _by_phrase(text, own)
    confirmed = found is not None and found.kind in _CONFIRMED_BY.get(status, frozenset())
    return replace(found, sign=Sign.CERTAIN) if found and confirmed else found


def _google_quota(error: ErrorObject, text: str) -> Classification | None:
    """Classify Google's quota errors: a message about billing means a limit per minute or per day."""
    details = str([layer.get("details") for layer in error.layers])
    if "resource_exhausted" in error.names or "quotaId" in details or _GOOGLE_QUOTA.search(text):
        per_day = _PER_DAY.search(details) or _PER_DAY.search(text)
        daily = "daily_limit_model" if _PER_MODEL.search(details) else "daily_limit"
        return Classification(daily if per_day else "rate_limited", "Google's quota error", sign=Sign.WORDS)
    return None


def _relay_quota(error: ErrorObject, text: str, own: OwnText) -> Classification | None:
    """Return ``upstream_quota`` if the empty account is the relay's: the same phrase may mean ours."""
    rule = "the relay's account at its vendor is empty"
    if (found := RELAY_ACCOUNT_EMPTY.search(text)) and not own.contains(found[0]):
        return Classification("upstream_quota", rule, found[0], Sign.WORDS)
    found = _ACCOUNT_EMPTY.search(text)
    if not (found or "insufficient_quota" in error.names) or _OWN_ACCOUNT_CODES & set(error.names):
        return None
    words = found[0] if found else "insufficient_quota"
    if own.contains(words):
        return None
    if _is_from_upstream(error, text) or _SATURATED.search(text):
        return Classification("upstream_quota", rule, words, Sign.WORDS)
    passed_on = _REQUEST_ID_SUFFIX.search(text) or any(_RELAY_CODE.search(name) for name in error.names)
    if passed_on and _VENDOR_ACCOUNT_EMPTY.search(text):
        return Classification("upstream_quota", rule, words, Sign.WORDS)
    return None


def _is_from_upstream(error: ErrorObject, text: str) -> bool:
    """Return whether the relay passes on an error of its upstream, instead of one about our request."""
    return error.wrapped or "upstream_error" in error.names or "bad response status code" in text


def _kind_of_names(error: ErrorObject, text: str, status: int | None) -> Classification | None:
    for name in error.names:
        rule = f'error code "{name}"'
        if name == "model_not_found":
            no_channel = status == 503 or (status != 404 and _NO_CHANNEL.search(text) is not None)
            return Classification("no_channel_model" if no_channel else "model_not_found", rule)
        if kind := kind_of_code(name):
            return _refined(Classification(kind, rule), text, _CODE_REFINEMENTS)
    return None


def _refined(found: Classification, text: str, refinements: Mapping[str, tuple[str, ...]]) -> Classification:
    """Return a more precise kind, if a phrase of the error points to one."""
    precise = refinements.get(found.kind, ())
    for pattern, name in ERROR_PHRASES:
        if name in precise and (match := pattern.search(text)):
            return replace(found, kind=name, rule=f"{found.rule}, a phrase for {name}", words=match[0])
    return found


def _by_status(answer: Answer, error: ErrorObject, text: str, status: int | None) -> Classification:
    """Classify by a status: one in place of a code outranks one in the text, and both the HTTP status."""
    in_text = _STATUS_IN_TEXT.search(text)
    number = error.status or (int(in_text[1] or in_text[2]) if in_text else None) or status
    rule = f"status {number} of an error" if number else "an error without a status"
    if answer.streamed and status is None:
        return Classification(
            _kind_in_stream(answer, number), f"{rule} within a stream", sign=_sign_of_status(number)
        )
    kind = _kind_of_number(number) if number else "upstream_error"
    if kind in ("bad_request", "upstream_error") and (found := _TIMED_OUT.search(text)):
        return Classification("timeout", "a phrase for a timeout", found[0], Sign.WORDS)
    return Classification(kind, rule, sign=_sign_of_status(number))


def _sign_of_status(status: int | None) -> Sign:
    """Return what a status beside an error object proves: 401 and 402 have one meaning each."""
    return Sign.CERTAIN if status in (401, 402) else Sign.WORDS


def _kind_of_number(status: int) -> str:
    return HTTP_STATUSES.get(status) or ("bad_request" if status < 500 else "upstream_error")


def _kind_in_stream(answer: Answer, status: int | None) -> str:
    """Classify an error within an accepted stream: unless it names its cause, an image may have been made."""
    orderly = any(reason.lower() == "error" for reason in answer.finish_reasons)
    if orderly or status in (502, 503, 529):
        return "upstream_error"
    return HTTP_STATUSES[status] if status in (401, 402, 403, 413, 429) else "stream_error"
