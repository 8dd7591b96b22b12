"""What one provider call came to: outcome, code, who is to blame, and what it cost."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Outcome(StrEnum):
    """What follows from a call."""

    SUCCESS = "success"  #: at least one picture
    PENDING = "pending"  #: accepted; poll, never send again
    RETRY = "retry"  #: safe to send again, with back-off
    NO_IMAGE = "no_image"  #: a well-formed answer without picture or reason; once more, then fail
    PERMANENT = "permanent"  #: the same request will fail again
    NEEDS_HUMAN = "needs_human"  #: key, balance or configuration; stop using the channel, keep the job
    AMBIGUOUS = "ambiguous"  #: sent and then lost: it may have been made, and charged


class Billed(StrEnum):
    """Whether the call was charged, as far as it can be known."""

    NO = "no"
    LIKELY_NO = "likely_no"
    YES = "yes"
    UNKNOWN = "unknown"


class Scope(StrEnum):
    """What a failure speaks about, beyond its own job."""

    KEY = "key"
    MODEL = "model"
    PROVIDER = "provider"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement on one call.

    ``code`` is one of the normalised error codes (``None`` on success), ``message`` says in plain words what
    happened and what to do, ``provider_message`` keeps the provider's own words (at most 2,000 characters).
    """

    outcome: Outcome
    code: str | None = None
    message: str = ""
    billed: Billed = Billed.UNKNOWN
    scope: Scope | None = None
    retry_after: timedelta | None = None
    provider_status: int | None = None
    provider_message: str | None = None
