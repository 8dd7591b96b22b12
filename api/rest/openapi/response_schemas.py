"""The shapes of the native API's answers, for its OpenAPI document."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from api.channel_status import ChannelState
from models.queue_status import Reason
from models.retry.rules import RetryRules
from models.states import JobStatus


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

    reason: Reason
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


class ProspectDocument(BaseModel):
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
