"""Names the ruling for an error object: by its code, then its words, then its status."""

from worker.upstream.answer import Answer
from worker.upstream.error_words import MESSAGES
from worker.upstream.faults import Fault
from worker.upstream.patterns import first, plain
from worker.upstream.signals import (
    NAME_PATTERNS,
    NAMES,
    NO_CHANNEL,
    SATURATED,
    STATUSES,
    VENDOR_MONEY,
)

_TIMED_OUT = ("timeout", "timed out", "deadline exceeded", "超时")


def name_of_fault(answer: Answer, status: int | None) -> str:
    """Return the name of the ruling for the fault of ``answer``; ``status`` is the HTTP status."""
    fault = answer.fault or Fault()
    failing = status if status is not None and status >= 400 else None
    return (
        _by_quota(fault) or _by_name(fault, failing) or _by_words(fault) or _by_status(answer, fault, failing)
    )


def _by_quota(fault: Fault) -> str | None:
    """Whose account is empty, and is it? The same sentence means three things."""
    money = VENDOR_MONEY.search(fault.message) or "insufficient_quota" in fault.names
    if money and ("upstream_error" in fault.names or SATURATED.search(fault.message)):
        return "upstream_quota"
    if "resource_exhausted" in fault.names or "quotaId" in str(fault.source.get("details")):
        return "daily_limit" if "PerDay" in str(fault.source.get("details")) else "rate_limited"
    return None


def _by_name(fault: Fault, status: int | None) -> str | None:
    if "model_not_found" in fault.names:
        busy = (status or fault.status) == 503 or NO_CHANNEL.search(fault.message)
        return "no_channel_model" if busy else "model_not_found"
    for name in fault.names:
        if ruling := NAMES.get(name):
            return _refined(ruling, fault)
        for pattern, ruling in NAME_PATTERNS:
            if pattern.search(name):
                return ruling
    return None


def _refined(ruling: str, fault: Fault) -> str:
    """Let words make a broad code precise, where they can."""
    if ruling == "rate_limited" and "per-day" in fault.message:
        return "daily_limit"
    if ruling == "rate_limited" and "concurren" in fault.message.lower():
        return "concurrency_limited"
    if ruling == "auth_invalid" and ("expired" in fault.message.lower() or "过期" in fault.message):
        return "auth_expired"
    return ruling


def _by_words(fault: Fault) -> str | None:
    return first(MESSAGES, plain(f"{fault.message} {' '.join(fault.names)}"))


def _by_status(answer: Answer, fault: Fault, status: int | None) -> str:
    timed_out = any(word in fault.message.lower() for word in _TIMED_OUT)
    if status is not None:
        known = STATUSES.get(status) or ("bad_request" if status < 500 else "upstream_error")
        return "timeout" if timed_out and known in ("bad_request", "upstream_error") else known
    if answer.streamed:
        ended = any(reason.lower() == "error" for reason in answer.finish_reasons)
        orderly = ended or fault.status in (502, 503, 529)
        known = STATUSES.get(fault.status or 0, "")
        return (
            "upstream_error"
            if orderly
            else known
            if fault.status in (401, 402, 403, 413, 429)
            else "stream_error"
        )
    if timed_out:
        return "timeout"
    return STATUSES.get(fault.status or 0, "upstream_error")
