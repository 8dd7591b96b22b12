"""Names the ruling for an error object: by its code, then its words, then its status."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from worker.upstream.errors.error_codes import (
    BY_METRIC,
    NAME_PATTERNS,
    NAMES,
    NO_CHANNEL,
    OWN_MONEY,
    PASSED_ON,
    RELAYS,
    RELAYS_MONEY,
    SATURATED,
    STATUSES,
    VENDOR_MONEY,
    VENDORS_SENTENCE,
)
from worker.upstream.errors.error_phrases import MESSAGES
from worker.upstream.matching import first, plain
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.error_object import Fault

_TIMED_OUT = re.compile(r"timeout|timed out|time-out|deadline exceeded|超时|逾时")
_STATUS = re.compile(
    r"(?:status|error|http)(?:[ _]code)?\s?[:=]?\s?\(?([45]\d\d)\b|状态码\s?[:：]?\s?([45]\d\d)\b"
)
_CODE = re.compile(r"\b(?:[a-z]+(?:[_.][a-z]+)+|[a-z]{16,60})\b", re.ASCII)
_DAY = re.compile(r"per[ _-]?day", re.IGNORECASE)

#: rulings on a key, when the key is the relay's and not ours
_RELAYS_OWN: Mapping[str, str] = MappingProxyType(
    {
        "auth_invalid": "upstream_auth",
        "auth_expired": "upstream_auth",
        "account_blocked": "upstream_auth",
    }
)
#: the same, when nothing but a status tells
_RELAYS_STATUS: Mapping[str, str] = MappingProxyType(
    {
        **_RELAYS_OWN,
        "permission_denied": "upstream_auth",
        "wrong_endpoint": "upstream_auth",
        "quota_exhausted": "upstream_quota",
    }
)


def name_of_fault(answer: Answer, status: int | None) -> str:
    """Return the name of the ruling for the fault of ``answer``; ``status`` is the HTTP status."""
    fault = answer.fault or Fault()
    failing = status if status is not None and status >= 400 else None
    words = plain(f"{fault.message} {' '.join(fault.names)}")
    if name := _by_metric(fault, words) or _by_money(fault, words):
        return name
    behind = _is_behind(fault, words)
    name = _by_name(fault, words, failing or fault.status) or first(MESSAGES, words) or code_in(words)
    if name == "no_channel_model" and (failing or fault.status) == 404:
        return "model_not_found"  # nobody is away: there is no such model
    if name:
        return _RELAYS_OWN.get(name, name) if behind else name
    name = _by_status(answer, fault, words, failing)
    return _RELAYS_STATUS.get(name, name) if behind else name


def _by_metric(fault: Fault, words: str) -> str | None:
    """Read Google's quotas: their sentence about money speaks of a limit per minute or per day."""
    details = str([layer.get("details") for layer in fault.layers])
    if "resource_exhausted" in fault.names or "quotaId" in details or BY_METRIC.search(words):
        return "daily_limit" if _DAY.search(details) or _DAY.search(words) else "rate_limited"
    return None


def _by_money(fault: Fault, words: str) -> str | None:
    """Tell whose account is empty: the same sentence means ours, or that of the relay."""
    if RELAYS_MONEY.search(words):
        return "upstream_quota"
    if not (VENDOR_MONEY.search(words) or "insufficient_quota" in fault.names) or OWN_MONEY & set(
        fault.names
    ):
        return None
    if _is_behind(fault, words) or SATURATED.search(words):
        return "upstream_quota"
    signed = PASSED_ON.search(words) or any(RELAYS.search(name) for name in fault.names)
    return "upstream_quota" if signed and VENDORS_SENTENCE.search(words) else None


def _is_behind(fault: Fault, words: str) -> bool:
    """Tell whether the fault is one that the relay met, and not one that it found with us."""
    return fault.wrapped or "upstream_error" in fault.names or "bad response status code" in words


def _by_name(fault: Fault, words: str, status: int | None) -> str | None:
    for name in fault.names:
        if name == "model_not_found":
            busy = status == 503 or (status != 404 and NO_CHANNEL.search(words) is not None)
            return "no_channel_model" if busy else "model_not_found"
        if ruling := NAMES.get(name) or first(NAME_PATTERNS, name):
            return _refined(ruling, words)
    return None


def code_in(words: str) -> str | None:
    """Return the ruling of a code that stands in a sentence: a word that no language has."""
    codes = (match[0] for match in _CODE.finditer(words))
    rulings = (NAMES.get(code) or first(NAME_PATTERNS, code) for code in codes)
    return next((ruling for ruling in rulings if ruling), None)


def _refined(ruling: str, words: str) -> str:
    """Let words make a broad code precise, where they can."""
    precise = {
        "rate_limited": ("daily_limit", "concurrency_limited"),
        "auth_invalid": ("auth_expired", "ip_not_allowed"),
        "input_image_unreachable": ("input_image_gone",),
    }.get(ruling, ())
    return next((name for pattern, name in MESSAGES if name in precise and pattern.search(words)), ruling)


def _by_status(answer: Answer, fault: Fault, words: str, status: int | None) -> str:
    """Judge by a number: one in the place of a code outranks one in a sentence, and both the HTTP status."""
    spoken = _STATUS.search(words)
    number = fault.status or (int(spoken[1] or spoken[2]) if spoken else None) or status
    if answer.streamed and status is None:
        return _in_stream(answer, number)
    known = _of_status(number) if number else "upstream_error"
    return "timeout" if _TIMED_OUT.search(words) and known in ("bad_request", "upstream_error") else known


def _of_status(number: int) -> str:
    return STATUSES.get(number) or ("bad_request" if number < 500 else "upstream_error")


def _in_stream(answer: Answer, number: int | None) -> str:
    """Judge an error after the request was accepted: unless it explains itself, a picture may be lost."""
    orderly = any(reason.lower() == "error" for reason in answer.finish_reasons)
    if orderly or number in (502, 503, 529):
        return "upstream_error"
    return STATUSES[number] if number in (401, 402, 403, 413, 429) else "stream_error"
