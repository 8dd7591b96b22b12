"""Result of a provider call: outcome, error code, scope and cost; and the error of a job."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Literal, get_args


class Outcome(StrEnum):
    """Outcome of a call, by what follows from it."""

    SUCCESS = "success"  #: at least one image
    PENDING = "pending"  #: accepted; poll, never send again
    RETRY = "retry"  #: safe to send again, with backoff
    NO_IMAGE = "no_image"  #: a well-formed answer without image or reason; once more, then fail
    PERMANENT = "permanent"  #: the same request will fail again
    NEEDS_HUMAN = "needs_human"  #: key, balance or configuration; stop using the channel, keep the job
    AMBIGUOUS = "ambiguous"  #: sent and then lost: the image may exist, and may have been charged


UNKNOWN = (Outcome.PENDING, Outcome.AMBIGUOUS)
"""Unknown outcomes: the image may exist, and may have been charged."""


class Billed(StrEnum):
    """Whether the call was charged, as far as it can be known."""

    NO = "no"
    LIKELY_NO = "likely_no"
    YES = "yes"
    UNKNOWN = "unknown"


class Scope(StrEnum):
    """What a failure concerns beyond its own job."""

    KEY = "key"
    MODEL = "model"
    PROVIDER = "provider"


class Sign(StrEnum):
    """How much a failure proves about what it concerns, its ``Scope``."""

    CERTAIN = "certain"  #: an error code, or words that the HTTP status confirms
    WORDS = "words"  #: words of an error alone, or a vague status: a second sign is needed
    CONTENT = "content"  #: words of a good answer, which its caller may have asked for: no sign at all


ErrorCode = Literal[
    # needs_human
    "auth_invalid",
    "auth_expired",
    "quota_exhausted",
    "account_blocked",
    "permission_denied",
    "ip_not_allowed",
    "wrong_endpoint",
    "model_not_found",
    "not_implemented",
    "waf_blocked",
    # permanent
    "moderation_input",
    "moderation_output",
    "moderation",
    "refusal",
    "bad_request",
    "prompt_too_long",
    "payload_too_large",
    "input_image_invalid",
    # retry, once
    "input_image_unreachable",
    # retry
    "rate_limited",
    "concurrency_limited",
    "daily_limit",
    "upstream_saturated",
    "upstream_quota",
    "no_channel",
    "upstream_error",
    "origin_unreachable",
    "connect_error",
    "maintenance",
    # ambiguous
    "gateway_timeout",
    "timeout",
    "connection_lost",
    "task_not_found",
    "stream_truncated",
    "stream_error",
    "protocol_error",
    "not_understood",
    "deferred_generation",
    # no_image; ambiguous or retry by context
    "empty_response",
    "no_image",
    "needs_input",
]
"""Darkroom's own error codes. The comments name the outcome that usually goes with a code."""

ERROR_CODES: frozenset[ErrorCode] = frozenset(get_args(ErrorCode))


@dataclass(frozen=True, slots=True)
class CallLimit:
    """A rate limit that the provider named: so many calls in each period."""

    calls: int
    period: timedelta


@dataclass(frozen=True, slots=True)
class CallResult:
    """Result of one call.

    ``code`` is ``None`` on success. ``message`` says in plain words what happened and what a person can do;
    it is true whether or not the job is retried. ``provider_message`` is the provider's own text (at most
    2,000 characters), ``limit`` the rate limit that it names.
    ``channel_rest`` is how long the channel rests, if not for ``retry_after``. ``sign`` says how much the
    result proves about its scope. ``decided_by`` names the rule and the words that decided.
    """

    outcome: Outcome
    code: ErrorCode | None = None
    message: str = ""
    billed: Billed = Billed.UNKNOWN
    scope: Scope | None = None
    retry_after: timedelta | None = None
    provider_status: int | None = None
    provider_message: str | None = None
    limit: CallLimit | None = None
    channel_rest: timedelta | None = None
    sign: Sign = Sign.CERTAIN
    decided_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobError:
    """Error of a job, as its row keeps it and the API shows it.

    ``code`` is an ``ErrorCode``, the code of an image or storage error (``asset_…``), ``expired``,
    ``unreadable``, ``unwritable``, ``budget_exhausted`` or ``internal_error``.
    ``outcome`` is ``None`` if no call was made. ``retryable`` says whether retrying the job may help.
    """

    code: str
    message: str
    outcome: Outcome | None
    retryable: bool
    provider_status: int | None = None
    provider_message: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the error as the column ``jobs.error`` keeps it."""
        return {
            "code": self.code,
            "message": self.message,
            "outcome": self.outcome,
            "retryable": self.retryable,
            "provider_status": self.provider_status,
            "provider_message": self.provider_message,
        }
