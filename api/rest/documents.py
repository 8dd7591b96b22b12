"""The shapes of the native API's answers, for its OpenAPI document."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from models.states import JobStatus
from models.waiting import Reason


class ProblemDocument(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    code: str = Field(description="for programs; does not change")
    detail: str = Field(description="for people")
    errors: list[dict[str, str]] = Field(description="{field, message} of what was sent")
    request_id: str


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
    model: str
    prompt: str
    progress: int = Field(description="percent")
    priority: int
    campaign: str | None
    tags: list[str]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    attempts: list[AttemptDocument]
    waiting: WaitingDocument | None
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


class ChannelPageDocument(BaseModel):
    """All channels."""

    data: list[dict[str, Any]]


class HealthDocument(BaseModel):
    """How the service is."""

    status: str
    checks: dict[str, str] = {}
