"""Spans of a job that has ended, from its rows: the job, its waits, its calls, and storing.

Names of attributes: GenAI conventions of OpenTelemetry 1.41, which have no operation for images; cost as in
their proposal 443 (``gen_ai.usage.cost.…``); ours begin with ``darkroom.``. Prompts are no part of a span.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from models.ids import public_id
from models.money.money import amount_text
from models.money.usage import read_tokens
from models.operations.trace_context import TraceContext, job_context
from models.outcomes import Outcome
from models.queries.operations.whole_jobs import WholeJobs
from models.states import FINAL, JobStatus
from models.webhook_events import DeliveryStatus

Attributes = Mapping[str, str | int | float | bool]
_COST, _CURRENCY = "gen_ai.usage.cost.amount", "gen_ai.usage.cost.currency"
_ENDED = {status.value for status in FINAL}
_STORING = JobStatus.STORING.value


@dataclass(frozen=True, slots=True)
class JobTrace:
    """What the context of a job's spans depends on."""

    id: UUID
    generation: int
    traceparent: str | None


@dataclass(frozen=True, slots=True)
class JobSpan:
    """One span, with its times. ``error``: why it failed."""

    name: str
    context: TraceContext
    parent: TraceContext | None
    start: datetime
    end: datetime
    attributes: Attributes = field(default_factory=dict)
    error: str | None = None
    links: Sequence[TraceContext] = ()
    is_client: bool = False  #: a call to another service


def job_spans(whole: WholeJobs) -> list[JobSpan]:
    """Return the spans of the last generation of each job that has ended."""
    spans: list[JobSpan] = []
    for job in whole.jobs:
        if job.status in _ENDED:
            events = _last_generation([row for row in whole.events if row.job_id == job.id])
            calls = [row for row in whole.attempts if row.job_id == job.id]
            images = sum(1 for row in whole.assets if row.job_id == job.id)
            spans += _spans(job, events, [row for row in calls if row.generation == job.generation], images)
    return spans


def delivery_span(job: JobTrace, delivery: Row[Any]) -> JobSpan:
    """Return the span of a webhook message that was sent, or given up, below its job."""
    own = job_context(job.id, job.generation, job.traceparent)
    tries = delivery.log if isinstance(delivery.log, list) else []
    seconds = tries[-1].get("seconds") if tries and isinstance(tries[-1], dict) else None
    taken = delivery.status == DeliveryStatus.DELIVERED
    attributes = {
        "server.address": delivery.host,
        "darkroom.delivery.id": public_id("delivery", delivery.id),
        "darkroom.delivery.tries": delivery.tries,
        "darkroom.delivery.seconds": float(seconds) if isinstance(seconds, int | float) else 0.0,
    }
    return JobSpan(
        f"webhook {delivery.event}",
        child(own, f"delivery {delivery.id}"),
        own,
        min(delivery.at, delivery.ended_at),
        delivery.ended_at,
        attributes,
        None if taken else str(delivery.status),
        is_client=True,
    )


def child(parent: TraceContext, name: str) -> TraceContext:
    """Return the context of a span below another one, derived from its name."""
    digest = sha256(parent.span_id.to_bytes(8, "big") + name.encode()).digest()
    return TraceContext(parent.trace_id, int.from_bytes(digest[:8], "big") or 1)


def _spans(
    job: Row[Any], events: Sequence[Row[Any]], calls: Sequence[Row[Any]], images: int
) -> Iterator[JobSpan]:
    if not events:
        return
    own = job_context(job.id, job.generation, job.traceparent)
    first = job.generation == 1
    failed = job.status in (JobStatus.FAILED.value, JobStatus.EXPIRED.value)
    yield JobSpan(
        "job",
        own,
        TraceContext.parse(job.traceparent) if first else None,
        events[0].at,
        events[-1].at,
        {
            "darkroom.job.id": public_id("job", job.id),
            "darkroom.caller.id": public_id("caller", job.caller_id),
            "darkroom.surface": job.surface,
            "darkroom.generation": job.generation,
            "darkroom.outcome": job.status,
            "darkroom.images": images,
            "gen_ai.request.model": job.model,
            **({"darkroom.campaign": job.campaign} if job.campaign else {}),
        },
        str((job.error or {}).get("code") or job.status) if failed else None,
        () if first else (job_context(job.id, job.generation - 1, job.traceparent),),
    )
    for number, (name, begun, ended) in enumerate(_phases(events)):
        reason = begun.detail or ("submitted" if begun.revision == events[0].revision else begun.status)
        yield JobSpan(
            name, child(own, f"{name} {number}"), own, begun.at, ended.at, {f"darkroom.{name}.reason": reason}
        )
    for call in calls:
        if call.finished_at is not None:
            yield _call(job, own, call)


def _phases(events: Sequence[Row[Any]]) -> Iterator[tuple[str, Row[Any], Row[Any]]]:
    """Yield each time in which a job waited or was stored: name, first event, and the one that ends it."""
    names = {
        **dict.fromkeys((JobStatus.QUEUED.value, JobStatus.LEASED.value, JobStatus.HELD.value), "wait"),
        _STORING: "store",
    }
    begun = events[0]
    for event in events[1:]:
        if event.status != begun.status:
            if (name := names.get(begun.status)) is not None:
                yield name, begun, event
            begun = event


def _call(job: Row[Any], own: TraceContext, call: Row[Any]) -> JobSpan:
    attributes: dict[str, str | int | float | bool] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.output.type": "image",
        "gen_ai.provider.name": call.channel,
        "gen_ai.request.model": job.model,
        "darkroom.job.id": public_id("job", job.id),
        "darkroom.attempt": call.number,
        "darkroom.outcome": str(call.outcome),
        "darkroom.billed": call.billed,
    }
    facts = call.answer_facts or {}
    if (tokens := read_tokens(facts.get("usage"))) is not None:
        given = tokens.text_in + tokens.cached_text_in + tokens.image_in + tokens.cached_image_in
        attributes["gen_ai.usage.input_tokens"] = given + tokens.other_in + tokens.cached_other_in
        attributes["gen_ai.usage.output_tokens"] = tokens.output
    if call.cost_micro is not None and call.currency:
        attributes |= {_COST: float(amount_text(call.cost_micro)), _CURRENCY: call.currency}
    for name, value in (
        ("http.response.status_code", call.http_status),
        ("error.type", call.error_code),
        ("darkroom.routing", call.routing),
        ("darkroom.campaign", job.campaign),
    ):
        if value is not None:
            attributes[name] = value
    name = f"chat {job.model}"
    error = None if call.outcome == Outcome.SUCCESS else str(call.error_code or call.outcome)
    context = child(own, f"call {call.number}")
    return JobSpan(name, context, own, call.sent_at, call.finished_at, attributes, error, is_client=True)


def _last_generation(events: Sequence[Row[Any]]) -> Sequence[Row[Any]]:
    """Return the events since the last explicit retry: those after the last end but one."""
    ends = [position for position, event in enumerate(events[:-1]) if event.status in _ENDED]
    return events[ends[-1] + 1 :] if ends else events
