"""Retry rules as people set them: by class of failures, each with only the members it changes."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.outcomes import UNKNOWN, Outcome

MOST_CALLS = 500  #: the most calls of one job under any rules; an explicit retry counts from zero
_LONGEST = 86_400.0  # seconds


class RetryClass(StrEnum):
    """Class of a failed call: its outcome, or its error code where that has a rule of its own."""

    RETRY = "retry"  #: every code of this outcome that is not listed below
    NO_IMAGE = "no_image"
    AMBIGUOUS = "ambiguous"  #: also pending: the outcome of the call is unknown; on_unknown decides first
    NEEDS_HUMAN = "needs_human"  #: the channel is closed until a person resumes it
    RATE_LIMITED = "rate_limited"
    CONCURRENCY_LIMITED = "concurrency_limited"
    DAILY_LIMIT = "daily_limit"
    UPSTREAM_SATURATED = "upstream_saturated"
    UPSTREAM_QUOTA = "upstream_quota"
    NO_CHANNEL = "no_channel"
    MAINTENANCE = "maintenance"
    INPUT_IMAGE_UNREACHABLE = "input_image_unreachable"


_OF_CODE = {kind.value: kind for kind in list(RetryClass)[4:]}
_OF_OUTCOME: Mapping[str | None, RetryClass] = {
    Outcome.NO_IMAGE: RetryClass.NO_IMAGE,
    Outcome.NEEDS_HUMAN: RetryClass.NEEDS_HUMAN,
    **dict.fromkeys(UNKNOWN, RetryClass.AMBIGUOUS),
}


def class_of(outcome: str | None, code: str | None) -> RetryClass | None:
    """Return the class of a call with this outcome and code; ``None`` if it is never retried."""
    if outcome == Outcome.RETRY:
        return _OF_CODE.get(code or "", RetryClass.RETRY)
    return _OF_OUTCOME.get(outcome)


class RetryRule(BaseModel):
    """Retry rule of one class of failures. Members that are not set are inherited from the outer layer."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)

    attempts: int | None = Field(
        None, ge=0, le=MOST_CALLS, description="the most retries after such a failure; 0: none"
    )
    base: float | None = Field(
        None, gt=0, le=_LONGEST, description="seconds: the first back-off, doubled after each such failure"
    )
    cap: float | None = Field(None, gt=0, le=_LONGEST, description="seconds: the longest back-off")
    jitter: Literal["full", "equal", "none"] | None = Field(
        None, description="random share of the back-off: full (all of it), equal (its upper half), none"
    )

    @model_validator(mode="after")
    def _in_order(self) -> "RetryRule":
        if self.base is not None and self.cap is not None and self.base > self.cap:
            raise ValueError("base may not be above cap")
        return self


class FreeRetryRule(RetryRule):
    """Retry rule of a class whose calls are not charged, and need not use up the job's max_attempts."""

    counts: bool | None = Field(None, description="whether such a call uses up one of max_attempts")


class RetryRules(BaseModel):
    """Retry rules by class. A job's rules override its campaign's, its channel's and the settings'."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)

    retry: FreeRetryRule | None = Field(None, description="nothing was generated, and another call may work")
    no_image: RetryRule | None = Field(None, description="an answer without an image; always counts")
    ambiguous: RetryRule | None = Field(
        None, description="sent, then lost; on_unknown decides first whether it is retried; always counts"
    )
    rate_limited: FreeRetryRule | None = Field(None, description="too many calls in a period")
    concurrency_limited: FreeRetryRule | None = Field(None, description="too many calls at once")
    daily_limit: FreeRetryRule | None = Field(None, description="the key's limit for today")
    upstream_saturated: FreeRetryRule | None = Field(None, description="the provider is overloaded")
    upstream_quota: FreeRetryRule | None = Field(None, description="the relay's own account is empty")
    no_channel: FreeRetryRule | None = Field(
        None, description="the relay has no upstream channel for this model"
    )
    maintenance: FreeRetryRule | None = Field(None, description="the provider is down for maintenance")
    input_image_unreachable: FreeRetryRule | None = Field(
        None, description="the provider could not load an input picture"
    )

    def by_class(self) -> dict[RetryClass, RetryRule]:
        """Return the rules that are set."""
        found = ((RetryClass(name), getattr(self, name)) for name in type(self).model_fields)
        return {kind: rule for kind, rule in found if rule is not None}

    def to_json(self) -> dict[str, Any]:
        """Return only the members that are set, as rows store and callers see them."""
        given: dict[str, Any] = self.model_dump(mode="json", exclude_none=True)
        return {name: rule for name, rule in given.items() if rule}
