"""Response schemas of the native API, for its OpenAPI document; handlers do not validate with them."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from api.channel_status import ChannelState
from api.jobs.schemas import ChatMessage
from models.channels import RoutingPolicy
from models.checks.findings import Check
from models.outcomes import Billed, Scope
from models.queue_status import WaitReason
from models.retry.rules import RetryRules
from models.states import JobStatus, OnUnknown
from models.webhook_events import DeliveryStatus


class ProblemDocument(BaseModel):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    code: str = Field(description="stable code for programs")
    detail: str = Field(description="explanation for people")
    errors: list[dict[str, str]] = Field(description="{field, message} of each invalid field or parameter")
    request_id: str
    limit: int | None = Field(None, description="with code queue_full: limit of queued jobs of the caller")


class AttemptDocument(BaseModel):
    """One call to a provider."""

    number: int
    channel: str
    outcome: str | None
    error_code: str | None
    http_status: int | None
    provider_request_id: str | None = Field(
        description="id of the request in the provider's log, for its support"
    )
    started_at: datetime
    finished_at: datetime | None
    billed: str
    cost: str | None = Field(description="what the call has cost; null: not known, or not decided yet")
    reserved: str | None = Field(description="what was reserved for it before it was sent")
    currency: str | None
    cost_source: str | None = Field(
        description="provider (the answer names it, or nothing was charged), tokens, picture, call or unknown"
    )
    price_version: str | None = Field(description="the price that was applied")
    routing: str | None = Field(description="why it went to this channel; null: by order")


class WaitingDocument(BaseModel):
    """Wait reason of a queued job."""

    reason: WaitReason
    detail: str
    since: datetime
    next_eligible_at: datetime | None


class EtaDocument(BaseModel):
    """Estimated time of completion, as median (p50) and 90th percentile; null: no estimate is possible."""

    p50: float | None = Field(description="seconds from now")
    p90: float | None
    p50_at: datetime | None
    p90_at: datetime | None
    limiting_factor: str = Field(
        description="what takes longest: a wait reason, worker_slots, or call (the provider call itself)"
    )


class JobSetEtaDocument(BaseModel):
    """Remaining jobs of a campaign or model, and when they may be completed."""

    object: Literal["eta"]
    campaign: str | None
    model: str | None
    remaining: dict[str, int] = Field(description="number of unfinished jobs by status")
    queued_capped: bool = Field(description="remaining.queued is a lower bound: counting stopped there")
    unserved: int = Field(
        description="queued jobs whose model no channel serves; the eta leaves them out, if there are others"
    )
    calls_last_minute: int = Field(description="provider calls for these jobs in the last 60 seconds")
    eta: EtaDocument | None = Field(
        description="of the last job, as if all were due now; null: no job remains"
    )


class ThumbnailDocument(BaseModel):
    """A smaller rendering as WebP, without the metadata of its image. Its url needs no key."""

    url: str
    width: int
    height: int
    bytes: int


class ChecksDocument(BaseModel):
    """What was found in an image after it was stored."""

    checked_at: datetime
    found: list[Check]
    duplicate_of: str | None = Field(description="an image of its campaign with the same bytes")
    near_duplicate_of: str | None = Field(description="an image of its campaign that looks the same")
    problem: str | None = Field(description="why its pixels could not be read")


class AssetDocument(BaseModel):
    """A stored image. Its url needs no key."""

    id: str
    url: str
    source_url: str | None
    content_type: str
    width: int | None
    height: int | None
    bytes: int
    sha256: str
    position: int = Field(description="rank among the images of its job in this generation, from 0")
    problem: str | None = Field(description="why its file can't be had; none: it is stored")
    thumbnails: dict[Literal["320", "960"], ThumbnailDocument] | None = Field(
        None, description="by the pixels of the longer side at most; null: not made yet"
    )
    checks: ChecksDocument | None = Field(
        description="null: not examined yet, an input image or a video task"
    )


class AssetWithJobDocument(AssetDocument):
    """A stored image with the job it belongs to."""

    object: Literal["asset"]
    job: str | None
    created_at: datetime


class CallerDocument(BaseModel):
    """The caller that a job belongs to."""

    id: str
    name: str


class JobAssetDocument(AssetDocument):
    """A stored image of a job."""

    generation: int = Field(description="generation of the job that made it")
    attempt: int | None = Field(description="number of the provider call that made it; null: not known")


class JobDocument(BaseModel):
    """A job with its attempts and assets."""

    id: str
    object: Literal["job"]
    status: JobStatus
    revision: int = Field(description="increases with every change")
    generation: int = Field(description="increases with every retry by request")
    surface: str = Field(
        description="API through which it was submitted: rest, or midjourney for a part of a task"
    )
    model: str
    prompt: str
    size: str | None
    n: int | None = Field(description="number of images asked for; null: one")
    images: list[str] = Field(
        description="input images: URLs, and asset ids of those that were uploaded or sent as data"
    )
    mask: str | None
    system: str | None
    messages: list[ChatMessage] = Field(description="earlier turns of the conversation; prompt is the last")
    detail: str | None
    wants: Literal["pictures", "text"]
    params: dict[str, Any]
    max_attempts: int
    on_unknown: OnUnknown
    webhook_url: str | None
    progress: int = Field(description="percent")
    priority: int
    campaign: str | None
    tags: list[str]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime | None = Field(description="latest start; a job not started by then expires")
    retry: RetryRules | None = Field(description="retry rules of this job by failure class")
    attempts: list[AttemptDocument]
    waiting: WaitingDocument | None
    queue_position: int | None = Field(
        description="rank among the due jobs of all callers, as of now; only in the response for one job"
    )
    queue_position_capped: bool = Field(description="queue_position is a lower bound: counting stopped there")
    eta: EtaDocument | None = Field(description="only in the response for one job")
    error: dict[str, Any] | None = Field(
        description="{code, message, outcome, retryable, provider_status, provider_message}"
    )
    text: str | None = Field(description="text of the model's response besides the images")
    assets: list[JobAssetDocument] = Field(description="images of the present generation")
    former_assets: list[JobAssetDocument] = Field(description="images of generations before a retry")
    metadata: dict[str, Any]
    links: dict[str, str]
    caller: CallerDocument | None = Field(None, description="whose job it is; only with an admin's key")


class WarningDocument(BaseModel):
    """What is odd about an accepted job."""

    field: str
    code: str = Field(description="unserved_model: no channel serves the model now, so the job waits")
    message: str


class SubmittedJobDocument(JobDocument):
    """A job, as its submit returns it."""

    warnings: list[WarningDocument] | None = Field(None, description="left out, if there are none")


class AcceptedDocument(BaseModel):
    """An accepted job of a batch."""

    index: int
    id: str
    status: JobStatus
    links: dict[str, str]
    warnings: list[WarningDocument] | None = Field(None, description="left out, if there are none")


class RejectedDocument(BaseModel):
    """A rejected job of a batch."""

    index: int
    code: str
    message: str


class BatchDocument(BaseModel):
    """Accepted and rejected jobs of a batch, by their index in the request."""

    accepted: list[AcceptedDocument]
    rejected: list[RejectedDocument]


class JobPageDocument(BaseModel):
    """A page of jobs, newest first; pass ``next`` as ``before`` for the following page."""

    data: list[JobDocument]
    next: str | None


class BreakerDocument(BaseModel):
    """State of a circuit breaker."""

    state: Literal["closed", "open", "half_open"]
    failures: int = Field(description="consecutive failures")
    until: datetime | None
    reason: str | None


class RecentDocument(BaseModel):
    """Calls that ended in the last ten minutes, the newest 500 at most."""

    calls: int
    succeeded: int
    share: float | None


class LearnedModelDocument(BaseModel):
    """What was learned of one model on a channel."""

    rpm: float | None = Field(description="calls per minute that are made now; null: no limit is known")
    concurrency: int | None = Field(description="calls in flight that are made now; null: the channel's")
    cooldown_until: datetime | None
    cooldown_reason: str | None


class NotUnderstoodDocument(BaseModel):
    """Answers of the last 24 hours that no rule understood; their jobs are held or recovered."""

    answers: int = Field(description="500 at most")
    explain: str | None = Field(description="command that explains the latest one")


class RoutingDocument(BaseModel):
    """The policy of a model, and what the calls of a channel came to."""

    policy: RoutingPolicy
    calls: int = Field(description="that ended")
    cost_per_picture: str | None = Field(description="settled, failed calls included")
    currency: str | None
    p50_seconds: float | None = Field(description="of calls that succeeded")
    reliability: float = Field(description="share that succeeded, but for faults of the job")


class ChannelDocument(BaseModel):
    """A channel with its state, limits and recent calls."""

    name: str
    object: Literal["channel"]
    state: ChannelState
    detail: str | None = Field(description="reason of the state, for people")
    configured: bool
    models: list[str]
    order: int
    weight: float
    rpm: float | None
    concurrency: int
    limits: dict[str, float] = Field(description="limits of the whole channel: rps, rpd, ipm, burst")
    model_limits: dict[str, dict[str, float]]
    learned_rpm: float | None = Field(
        description="learned rate in calls per minute, after the provider refused more"
    )
    learned_concurrency: int | None
    learned_models: dict[str, LearnedModelDocument] = Field(
        description="what was learned of single models, after the provider refused their calls"
    )
    rate_now: int = Field(description="calls sent in the last 60 seconds")
    in_flight: int
    in_flight_by_model: dict[str, int]
    paused_at: datetime | None
    paused_until: datetime | None = Field(description="when a pause or a drain ends by itself")
    draining_at: datetime | None
    tripped_at: datetime | None
    cooldown_until: datetime | None
    next_start_at: datetime | None
    updated_at: datetime
    paused_reason: str | None
    paused_by: str | None = Field(description="name of the caller who paused or drained it")
    tripped_reason: str | None
    cooldown_reason: str | None
    blocked_models: dict[str, str]
    breakers: dict[str, BreakerDocument] = Field(
        description='by model; "" is the breaker of the whole channel'
    )
    recent: RecentDocument
    routing: dict[str, RoutingDocument] = Field(
        description="by model: what policies of routing compare, of the calls of a day"
    )
    not_understood: NotUnderstoodDocument
    last_error: dict[str, Any] | None = Field(
        description="{code, message, at}; the message is the provider's"
    )


class ChannelPageDocument(BaseModel):
    """All channels."""

    data: list[ChannelDocument]


class CallCostDocument(BaseModel):
    """Calls, and what they have cost or have reserved."""

    calls: int
    cost: str | None = None
    reserved: str | None = None


class CostGroupDocument(BaseModel):
    """Calls of one group in one currency; amounts are decimal texts."""

    day: str | None = Field(None, description="in UTC; the members day to key are those of `by`")
    channel: str | None = None
    model: str | None = None
    campaign: str | None = None
    key: str | None = Field(None, description="name of the caller")
    currency: str | None = Field(description="null: calls without a price")
    calls: int
    made: CallCostDocument
    failed_but_charged: CallCostDocument
    unknown: CallCostDocument = Field(description="it is not known whether they were charged, or how much")
    in_flight: CallCostDocument
    cost: str = Field(description="of what was made, and of what failed but was charged")
    reservation_error: float | None = Field(
        description="by how much reservations exceeded the charges, as a share of these"
    )
    approved: int = Field(description="pictures of campaigns that were picked")
    cost_per_approved: str | None = Field(description="of all calls of the group; null: none is approved")


class CostsDocument(BaseModel):
    """What calls have cost."""

    object: str
    by: list[str]
    since: datetime
    until: datetime
    data: list[CostGroupDocument]


class HealthDocument(BaseModel):
    """Health of the service."""

    status: str
    checks: dict[str, str] = {}


# POST /v1/explain

Status = int | str | None


class ObservedAnswer(BaseModel):
    """A captured provider response."""

    id: str | int | float | None = Field(None, description="repeated in the explanation")
    status: Status = Field(None, description="HTTP status; null: there was no response")
    headers: dict[str, Any] | list[tuple[str, str]] | None = Field(None, description="names in any case")
    body: str | dict[str, Any] | list[Any] | None = Field(None, description="body as received")
    body_b64: str | None = Field(None, description="body as base64, for bytes that are not text")
    request: dict[str, Any] | str | None = Field(
        None, description="request body: images in it are not results; n and stream are evaluated"
    )
    transport: str | None = Field(
        None, description="error of a call without a response, in any words: read_timeout, connect_error, …"
    )
    model: str | None = None
    elapsed_s: float | None = Field(None, ge=0, description="duration of the call in seconds")


class RateLimitDocument(BaseModel):
    """Rate limit in the response headers."""

    limit: int | None
    remaining: int | None
    reset_s: float | None


class CallLimitDocument(BaseModel):
    """Rate limit in the text of the response."""

    calls: int
    period_s: float


class ExplanationDocument(BaseModel):
    """Explanation of a captured response. Members without a value are left out."""

    id: str | int | float | None = None
    outcome: str = Field(description="as in attempts; headers_only: there was no body to classify")
    error_code: str | None = None
    images: list[str] = Field(description="http(s) URLs, to be fetched unchanged, or data: URLs")
    alternates: dict[str, list[str]] | None = Field(None, description="alternative URLs by image")
    progress: list[float] = Field(description="percentages, increasing")
    text: str | None = Field(None, description="text of a stream, verbatim")
    videos: list[str] | None = None
    posters: list[str] | None = None
    billed: Billed | None = None
    scope: Scope | None = None
    retry_after_s: float | None = None
    ratelimit: dict[str, RateLimitDocument] | None = None
    call_limit: CallLimitDocument | None = None
    should_retry: bool | None = Field(None, description="what the provider states")
    request_id: str | None = Field(None, description="id of the request, for the provider's support")
    poll_url: str | None = None
    task_id: str | None = None
    task_urls: list[str] | None = Field(None, description="addresses of the task, as the answer writes them")
    gen_ids: list[str] | None = None
    incomplete_stream: bool | None = None
    partial: bool | None = None
    relative: bool | None = None
    finish_reason: str | None = None
    usage: dict[str, Any] | None = None
    message: str = Field(description="what happened and what to do, for people")
    provider_message: str | None = None


class ExplanationPageDocument(BaseModel):
    """Explanations, in the order of the responses."""

    data: list[ExplanationDocument]


# Webhooks


class WebhookDocument(BaseModel):
    """A webhook endpoint. ``default`` is that of the webhook_url of jobs."""

    id: str
    object: Literal["webhook"]
    url: str | None
    description: str
    events: list[str]
    enabled: bool
    disabled_at: datetime | None
    disabled_reason: str | None
    secret_hint: str
    previous_secret_until: datetime | None = Field(
        description="until then messages are signed with the previous secret, too"
    )
    created_at: datetime
    caller: CallerDocument | None = Field(None, description="only in lists of all callers")


class WebhookSecretDocument(WebhookDocument):
    """A webhook endpoint with its new secret, which is shown only once."""

    secret: str


class WebhookPageDocument(BaseModel):
    """Webhook endpoints of one caller; with ``all=true`` a page of those of all callers."""

    data: list[WebhookDocument]
    next: str | None = Field(None, description="with ``all=true``: the ``after`` of the following page")


class DeliveryDocument(BaseModel):
    """Delivery of one message to one endpoint."""

    id: str = Field(description="webhook-id of the message")
    object: Literal["webhook_delivery"]
    webhook: str
    job: str | None
    type: str
    revision: int = Field(description="revision of the job at the event")
    url: str
    status: DeliveryStatus
    replayed: bool
    tries: int
    created_at: datetime
    next_at: datetime | None
    ended_at: datetime | None
    log: list[dict[str, Any]] = Field(description="latest tries: {at, seconds, http_status, problem, answer}")
    caller: CallerDocument | None = Field(None, description="only in lists of all callers")


class DeliveryPageDocument(BaseModel):
    """A page of deliveries, newest first; pass ``next`` as ``before`` for the following page."""

    data: list[DeliveryDocument]
    next: str | None


class NoticeDocument(BaseModel):
    """An alert that holds, or held."""

    id: str
    alert: str = Field(description="which rule; see docs/operations.md")
    subject: str = Field(description="a channel, a campaign, a currency; empty: the installation")
    severity: Literal["page", "ticket"]
    summary: str
    inspect: str = Field(description="the command that looks")
    act: str = Field(description="the command that acts")
    began_at: datetime
    told_at: datetime | None = Field(description="when webhooks were told; null: it has not lasted yet")
    ended_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None


class NoticeListDocument(BaseModel):
    """Notices, newest first."""

    data: list[NoticeDocument]


WEBHOOK_RESPONSES = (
    NoticeDocument,
    NoticeListDocument,
    WebhookDocument,
    WebhookSecretDocument,
    WebhookPageDocument,
    DeliveryDocument,
    DeliveryPageDocument,
)
