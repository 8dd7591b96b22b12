"""The shapes of the native API's answers, for its OpenAPI document."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from api.channel_status import ChannelState
from models.outcomes import Billed, Scope
from models.queue_status import WaitReason
from models.retry.rules import RetryRules
from models.states import JobStatus
from models.webhook_events import DeliveryStatus


class ProblemDocument(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    code: str = Field(description="for programs; does not change")
    detail: str = Field(description="for people")
    errors: list[dict[str, str]] = Field(description="{field, message} of what was sent")
    request_id: str
    limit: int | None = Field(None, description="queue_full: how many jobs of yours may wait")


class AttemptDocument(BaseModel):
    """One call to a provider."""

    number: int
    channel: str
    outcome: str | None
    error_code: str | None
    http_status: int | None
    provider_request_id: str | None = Field(description="for the provider's log and support")
    started_at: datetime
    finished_at: datetime | None
    billed: str


class WaitingDocument(BaseModel):
    """Why a queued job does not run yet."""

    reason: WaitReason
    detail: str
    since: datetime
    next_eligible_at: datetime | None


class EtaDocument(BaseModel):
    """When it may be done: in half of such cases, and in nine of ten. Null: nobody knows."""

    p50: float | None = Field(description="seconds from now")
    p90: float | None
    p50_at: datetime | None
    p90_at: datetime | None
    limiting_factor: str = Field(
        description="what takes longest: a reason of waiting, worker_slots, or call: only the call itself"
    )


class JobSetEtaDocument(BaseModel):
    """What is left of a set of jobs."""

    object: Literal["eta"]
    campaign: str | None
    model: str | None
    remaining: dict[str, int] = Field(description="jobs that are not finished, by status")
    queued_capped: bool = Field(description="at least so many are queued: more were not counted")
    calls_last_minute: int = Field(description="sent to providers for the set in the last 60 seconds")
    eta: EtaDocument | None = Field(description="of its last job, as if all were due; null: nothing is left")


class AssetDocument(BaseModel):
    """A stored picture. Its url needs no key."""

    id: str
    url: str
    source_url: str | None
    content_type: str
    width: int | None
    height: int | None
    bytes: int
    sha256: str


class AssetPage(AssetDocument):
    """A stored picture on its own."""

    object: Literal["asset"]
    job: str | None
    created_at: datetime


class JobDocument(BaseModel):
    """A job, and all that happened to it."""

    id: str
    object: Literal["job"]
    status: JobStatus
    revision: int = Field(description="rises with every change")
    generation: int = Field(description="rises with every explicit retry")
    surface: str = Field(description="by which API it came: rest, or midjourney for a part of such a task")
    model: str
    prompt: str
    progress: int = Field(description="percent")
    priority: int
    campaign: str | None
    tags: list[str]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime | None = Field(description="not started by then: expired")
    retry: RetryRules | None = Field(description="its own rules for trying again, by class of failure")
    attempts: list[AttemptDocument]
    waiting: WaitingDocument | None
    queue_position: int | None = Field(
        description="how many-th it starts, over all callers, as of now; only where one due job is looked at"
    )
    queue_position_capped: bool = Field(description="it stands there at least: more was not counted")
    eta: EtaDocument | None = Field(description="only where one job is looked at")
    error: dict[str, Any] | None = Field(
        description="{code, message, outcome, retryable, provider_status, provider_message}"
    )
    text: str | None = Field(description="what the model said besides the pictures")
    assets: list[AssetDocument]
    metadata: dict[str, Any]
    links: dict[str, str]


class AcceptedDocument(BaseModel):
    """One of many accepted jobs."""

    index: int
    id: str
    status: JobStatus
    links: dict[str, str]


class RejectedDocument(BaseModel):
    """One of many jobs that was not accepted."""

    index: int
    code: str
    message: str


class BatchDocument(BaseModel):
    """What became of many jobs."""

    accepted: list[AcceptedDocument]
    rejected: list[RejectedDocument]


class JobPageDocument(BaseModel):
    """A page of jobs, newest first; pass ``next`` as ``before`` for the following one."""

    data: list[JobDocument]
    next: str | None


class BreakerDocument(BaseModel):
    """What failures in a row led to."""

    state: Literal["closed", "open", "half_open"]
    failures: int = Field(description="in a row")
    until: datetime | None
    reason: str | None


class RecentDocument(BaseModel):
    """The newest calls of the last ten minutes that have ended, 500 at most."""

    calls: int
    succeeded: int
    share: float | None


class ChannelDocument(BaseModel):
    """A channel, how it stands and why."""

    name: str
    object: Literal["channel"]
    state: ChannelState
    detail: str | None = Field(description="why, in words")
    configured: bool
    models: list[str]
    order: int
    weight: float
    rpm: float | None
    concurrency: int
    limits: dict[str, float] = Field(description="of the whole channel: rps, rpd, ipm, burst")
    model_limits: dict[str, dict[str, float]]
    learned_rpm: float | None = Field(
        description="calls per minute made now, where the provider refused more"
    )
    learned_concurrency: int | None
    rate_now: int = Field(description="calls sent in the last 60 seconds")
    in_flight: int
    in_flight_by_model: dict[str, int]
    paused_at: datetime | None
    draining_at: datetime | None
    tripped_at: datetime | None
    cooldown_until: datetime | None
    next_start_at: datetime | None
    updated_at: datetime
    paused_reason: str | None
    tripped_reason: str | None
    cooldown_reason: str | None
    blocked_models: dict[str, str]
    breakers: dict[str, BreakerDocument] = Field(description='by model; "" is the whole channel\'s')
    recent: RecentDocument
    last_error: dict[str, Any] | None = Field(description="{code, message, at}, in the provider's words")


class ChannelPageDocument(BaseModel):
    """All channels."""

    data: list[ChannelDocument]


class HealthDocument(BaseModel):
    """How the service is."""

    status: str
    checks: dict[str, str] = {}


# The shapes of ``POST /v1/explain``, for the OpenAPI document.

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


# The shapes of answers about webhooks, for the OpenAPI document.


class WebhookDocument(BaseModel):
    """An endpoint. The one named ``default`` stands for the addresses that jobs bring along."""

    id: str
    object: Literal["webhook"]
    url: str | None
    description: str
    events: list[str]
    enabled: bool
    disabled_at: datetime | None
    disabled_reason: str | None
    secret_hint: str
    previous_secret_until: datetime | None = Field(description="until then the old secret signs too")
    created_at: datetime


class WebhookSecretDocument(WebhookDocument):
    """An endpoint with its new secret, which is not shown again."""

    secret: str


class WebhookPageDocument(BaseModel):
    """All endpoints of the caller."""

    data: list[WebhookDocument]


class DeliveryDocument(BaseModel):
    """One message to one receiver."""

    id: str = Field(description="the message's webhook-id")
    object: Literal["webhook_delivery"]
    webhook: str
    job: str | None
    type: str
    revision: int = Field(description="the job's, at the change")
    url: str
    status: DeliveryStatus
    replayed: bool
    tries: int
    created_at: datetime
    next_at: datetime | None
    ended_at: datetime | None
    log: list[dict[str, Any]] = Field(
        description="the last tries: {at, seconds, http_status, problem, answer}"
    )


class DeliveryPageDocument(BaseModel):
    """A page of deliveries, newest first; pass ``next`` as ``before`` for the following one."""

    data: list[DeliveryDocument]
    next: str | None


SHOWN = (
    WebhookDocument,
    WebhookSecretDocument,
    WebhookPageDocument,
    DeliveryDocument,
    DeliveryPageDocument,
)
