"""A job and its parts, as the server shows them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from darkroom_client.documents import (
    Document,
    as_document,
    as_documents,
    member,
    moment,
    optional,
    required,
    texts,
)
from darkroom_client.errors import JobFailed, JobHeld
from darkroom_client.exchange.session import Session
from darkroom_client.exchange.transport import Transport
from darkroom_client.resources.pictures import Picture, read_picture

M = TypeVar("M", bound=Transport)

SUCCEEDED = "succeeded"
FINAL = frozenset({SUCCEEDED, "failed", "cancelled", "expired"})
"""Statuses that only a retry leaves."""
SETTLED = FINAL | {"held", "awaiting_input"}
"""Statuses in which nothing more happens by itself: these, and those that wait for a person."""


@dataclass(frozen=True, slots=True)
class JobError:
    """Why a job failed or is held."""

    code: str
    message: str
    provider_message: str | None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why a queued job waits, such as ``rate_limit``, and until when, if that is known."""

    reason: str
    detail: str
    next_eligible_at: datetime | None


@dataclass(frozen=True, slots=True)
class Eta:
    """Estimated seconds until the end, as median and 90th percentile; ``None``: not known."""

    p50: float | None
    p90: float | None
    limiting_factor: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call to a provider. ``billed`` is yes, no, likely_no or unknown."""

    number: int
    channel: str
    outcome: str | None
    error_code: str | None
    http_status: int | None
    billed: str
    provider_request_id: str | None
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class SubmitWarning:
    """What is odd about an accepted job."""

    field: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Job(Generic[M]):
    """A job as it was when it was read. ``document`` has all its members, as JSON."""

    id: str
    status: str
    revision: int  #: increases with every change
    model: str
    prompt: str
    progress: int  #: percent
    campaign: str | None
    tags: tuple[str, ...]
    created_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    waiting: Waiting | None
    queue_position: int | None
    eta: Eta | None
    error: JobError | None
    text: str | None  #: text of the model's answer besides the images
    attempts: tuple[Attempt, ...]
    pictures: tuple[Picture[M], ...]
    warnings: tuple[SubmitWarning, ...]
    metadata: Document
    document: Document = field(repr=False, compare=False)

    @property
    def is_final(self) -> bool:
        """Whether only a retry can change it."""
        return self.status in FINAL

    @property
    def is_settled(self) -> bool:
        """Whether nothing more happens by itself: it is final, held, or waits for input."""
        return self.status in SETTLED

    @property
    def succeeded(self) -> bool:
        """Whether its pictures are there."""
        return self.status == SUCCEEDED

    def raise_for_status(self) -> None:
        """Raise ``JobFailed``, or ``JobHeld``, if it is settled without success."""
        if self.succeeded or not self.is_settled:
            return
        code = self.error.code if self.error else self.status
        message = self.error.message if self.error else f"It is {self.status}."
        raise (JobHeld if self.status == "held" else JobFailed)(self, code, message)


@dataclass(frozen=True, slots=True)
class JobEvent:
    """One change of a job."""

    job_id: str
    revision: int
    status: str
    progress: int
    at: datetime | None
    detail: Any
    last_event_id: str  #: from which a stream can be resumed


def read_job(session: Session[M], value: object) -> Job[M]:
    """Return the job of a document. Raises ``InvalidResponse``."""
    document = as_document(value, "job")
    return Job(
        id=required(document, "id"),
        status=required(document, "status"),
        revision=member(document, "revision", int, 0),
        model=member(document, "model", str, ""),
        prompt=member(document, "prompt", str, ""),
        progress=member(document, "progress", int, 0),
        campaign=optional(document, "campaign", str),
        tags=texts(document, "tags"),
        created_at=moment(document, "created_at"),
        started_at=moment(document, "started_at"),
        finished_at=moment(document, "finished_at"),
        waiting=_read_waiting(document),
        queue_position=optional(document, "queue_position", int),
        eta=read_eta(document),
        error=_read_error(document),
        text=optional(document, "text", str),
        attempts=tuple(_read_attempt(each) for each in as_documents(document.get("attempts"))),
        pictures=tuple(read_picture(session, each) for each in as_documents(document.get("assets"))),
        warnings=read_warnings(document),
        metadata=as_document(document.get("metadata") or {}, "metadata"),
        document=document,
    )


def read_event(data: object, last_event_id: str) -> JobEvent:
    """Return an event of a stream. Raises ``InvalidResponse``."""
    document = as_document(data, "event")
    return JobEvent(
        job_id=required(document, "id"),
        revision=member(document, "revision", int, 0),
        status=required(document, "status"),
        progress=member(document, "progress", int, 0),
        at=moment(document, "at"),
        detail=document.get("detail"),
        last_event_id=last_event_id,
    )


def read_eta(document: Document) -> Eta | None:
    """Return the member ``eta``. Raises ``InvalidResponse``."""
    if document.get("eta") is None:
        return None
    eta = as_document(document["eta"], "eta")
    p50, p90 = optional(eta, "p50", float), optional(eta, "p90", float)
    return Eta(p50, p90, member(eta, "limiting_factor", str, ""))


def read_warnings(document: Document) -> tuple[SubmitWarning, ...]:
    """Return the member ``warnings``. Raises ``InvalidResponse``."""
    return tuple(
        SubmitWarning(
            member(each, "field", str, ""), member(each, "code", str, ""), member(each, "message", str, "")
        )
        for each in as_documents(document.get("warnings"))
    )


def _read_waiting(document: Document) -> Waiting | None:
    if document.get("waiting") is None:
        return None
    waiting = as_document(document["waiting"], "waiting")
    reason, detail = member(waiting, "reason", str, ""), member(waiting, "detail", str, "")
    return Waiting(reason, detail, moment(waiting, "next_eligible_at"))


def _read_error(document: Document) -> JobError | None:
    if document.get("error") is None:
        return None
    error = as_document(document["error"], "error")
    return JobError(
        member(error, "code", str, ""),
        member(error, "message", str, ""),
        optional(error, "provider_message", str),
    )


def _read_attempt(attempt: Document) -> Attempt:
    return Attempt(
        number=member(attempt, "number", int, 0),
        channel=member(attempt, "channel", str, ""),
        outcome=optional(attempt, "outcome", str),
        error_code=optional(attempt, "error_code", str),
        http_status=optional(attempt, "http_status", int),
        billed=member(attempt, "billed", str, "unknown"),
        provider_request_id=optional(attempt, "provider_request_id", str),
        started_at=moment(attempt, "started_at"),
        finished_at=moment(attempt, "finished_at"),
    )
