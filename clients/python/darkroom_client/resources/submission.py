"""What a job asks for, as typed options, and its JSON."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypedDict, TypeVar

from darkroom_client.documents import Document, as_document, as_documents, member, required
from darkroom_client.errors import InputError
from darkroom_client.exchange.session import Session
from darkroom_client.exchange.transport import Transport
from darkroom_client.resources.input_images import InputImage, InputImages
from darkroom_client.resources.job import SubmitWarning, read_warnings

M = TypeVar("M", bound=Transport)
BATCH_LIMIT = 1000  #: jobs in one request
BATCH_BYTES = 16 * 2**20  #: of JSON in one request; the server's default limit is 64 MiB


class JobOptions(TypedDict, total=False):
    """Options of a job; the API's own words and defaults. Times are aware, spans are in seconds."""

    model: str | None
    images: Sequence[InputImage]
    mask: InputImage | None
    messages: Sequence[Mapping[str, Any]]
    system: str | None
    wants: Literal["pictures", "text"]
    detail: Literal["low", "high", "auto"] | None
    size: str | None
    n: int | None
    params: Mapping[str, Any]
    priority: int
    not_before: datetime | str | None
    expires_at: datetime | str | None
    expires_in: float | None
    metadata: Mapping[str, Any]
    webhook_url: str | None
    max_attempts: int | None
    on_unknown: Literal["hold", "retry_once", "retry", "fail"] | None
    retry: Mapping[str, Any] | None
    campaign: str | None
    tags: Sequence[str]
    allow_unserved: bool


class NewJob(JobOptions, total=False):
    """A job of a batch."""

    prompt: str | None


@dataclass(frozen=True, slots=True)
class AcceptedJob:
    """An accepted job of a batch; ``index`` is its place among the submitted jobs, from 0."""

    index: int
    id: str
    status: str
    warnings: tuple[SubmitWarning, ...]


@dataclass(frozen=True, slots=True)
class RejectedJob:
    """A job of a batch that was not accepted, and why."""

    index: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Result of submitting many jobs."""

    accepted: tuple[AcceptedJob, ...]
    rejected: tuple[RejectedJob, ...]


async def job_body(session: Session[M], job: Mapping[str, Any], images: InputImages[M]) -> dict[str, Any]:
    """Return a job as JSON: without the options that are ``None``, its images as URLs and ids.

    Raises ``InputError``, ``ApiError`` and ``ConnectionFailed``.
    """
    body = {name: _plain(value) for name, value in job.items() if value is not None}
    if session.configuration.model is not None:
        body.setdefault("model", session.configuration.model)
    if "model" not in body:
        raise InputError("model", "name one: model=…, Darkroom(model=…) or DARKROOM_MODEL")
    if "images" in body:
        body["images"] = await images.refer(job["images"])
    if "mask" in body:
        body["mask"] = await images.refer_one(job["mask"], "mask")
    _check_json(body)
    return body


def batches(bodies: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Yield the jobs in requests of a size that the server takes, in order."""
    batch: list[dict[str, Any]] = []
    size = 0
    for body in bodies:
        length = len(json.dumps(body))
        if batch and (len(batch) == BATCH_LIMIT or size + length > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(body)
        size += length
    if batch:
        yield batch


def read_batch(value: object, first: int) -> Batch:
    """Return the result of one request, whose first job has the index ``first``.

    Raises ``InvalidResponse``.
    """
    document = as_document(value, "batch")
    return Batch(
        tuple(_accepted(each, first) for each in as_documents(document.get("accepted"))),
        tuple(_rejected(each, first) for each in as_documents(document.get("rejected"))),
    )


def check_key(key: str) -> str:
    """Return an idempotency key that fits its header. Raises ``InputError``."""
    if not 0 < len(key) <= 255 or not key.isascii() or not key.isprintable() or key != key.strip():
        raise InputError("idempotency_key", "must have 1 to 255 printable ASCII characters")
    return key


def _accepted(document: Document, first: int) -> AcceptedJob:
    return AcceptedJob(
        first + member(document, "index", int, 0),
        required(document, "id"),
        member(document, "status", str, "queued"),
        read_warnings(document),
    )


def _rejected(document: Document, first: int) -> RejectedJob:
    code, message = member(document, "code", str, ""), member(document, "message", str, "")
    return RejectedJob(first + member(document, "index", int, 0), code, message)


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: times as RFC 3339."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise InputError("time", f"{value.isoformat()} has no offset; give an aware datetime")
        return value.isoformat()
    return value


def _check_json(body: Mapping[str, Any]) -> None:
    for name, value in body.items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise InputError(name, f"can't be sent as JSON: {error}") from error
