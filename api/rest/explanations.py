"""The shapes of ``POST /v1/explain``, for the OpenAPI document."""

from typing import Any

from pydantic import BaseModel, Field

from models.outcomes import Billed, Scope

Status = int | str | None


class ObservedAnswer(BaseModel):
    """What came of one call to a provider, as it was seen."""

    id: str | int | float | None = Field(None, description="repeated in the explanation")
    status: Status = Field(None, description="the HTTP status; null: there was no answer")
    headers: dict[str, Any] | list[tuple[str, str]] | None = Field(None, description="names in any case")
    body: str | dict[str, Any] | list[Any] | None = Field(None, description="as it came over the wire")
    body_b64: str | None = Field(None, description="the same as base64, for bytes that are no text")
    request: dict[str, Any] | str | None = Field(
        None, description="the body that was sent: its pictures are no results; n and stream matter"
    )
    transport: str | None = Field(
        None, description="how a call without an answer failed, in any words: read_timeout, connect_error, …"
    )
    model: str | None = None
    elapsed_s: float | None = Field(None, ge=0, description="how long the call took")


class RateLimitDocument(BaseModel):
    """A limit that the headers tell of."""

    limit: int | None
    remaining: int | None
    reset_s: float | None


class CallLimitDocument(BaseModel):
    """A limit that the provider's words name."""

    calls: int
    period_s: float


class ExplanationDocument(BaseModel):
    """What an answer means. What has no value is left out."""

    id: str | int | float | None = None
    outcome: str = Field(description="as of attempts; headers_only: there was no answer to judge")
    error_code: str | None = None
    images: list[str] = Field(description="http(s) addresses to fetch as they are, or data: URLs")
    alternates: dict[str, list[str]] | None = Field(None, description="other renderings, by picture")
    progress: list[float] = Field(description="percentages, rising")
    text: str | None = Field(None, description="of a stream, verbatim")
    videos: list[str] | None = None
    posters: list[str] | None = None
    billed: Billed | None = None
    scope: Scope | None = None
    retry_after_s: float | None = None
    ratelimit: dict[str, RateLimitDocument] | None = None
    call_limit: CallLimitDocument | None = None
    should_retry: bool | None = Field(None, description="the provider's own word")
    request_id: str | None = Field(None, description="for the provider's support")
    poll_url: str | None = None
    task_id: str | None = None
    gen_ids: list[str] | None = None
    incomplete_stream: bool | None = None
    partial: bool | None = None
    relative: bool | None = None
    finish_reason: str | None = None
    usage: dict[str, Any] | None = None
    message: str = Field(description="what happened and what to do")
    provider_message: str | None = None


class ExplanationPageDocument(BaseModel):
    """Explanations, in the order of the answers."""

    data: list[ExplanationDocument]
