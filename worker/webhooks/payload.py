"""What there is to tell: a job as it was when the thing happened, however late the message leaves."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import orjson
from sqlalchemy import Row

from models.clock import rfc3339
from models.ids import public_id
from models.queries.webhooks.outbox import WHOLE
from models.serializers import job_view
from models.webhook_events import WebhookEvent

LIMIT = 20_000  #: a body has fewer bytes, as Standard Webhooks advises
_MOMENTS = ("started_at", "finished_at")


@dataclass(frozen=True, slots=True)
class Payload:
    """One message's matter. A retry or replay tells the same."""

    message_id: str  #: also its ``webhook-id``
    event: str
    at: datetime
    public_url: str  #: the base of addresses, without a slash at its end
    job: Any = None  #: with the columns of a job's row; ``None``: a test
    assets: Sequence[Row[Any]] = ()


def payload_of(
    delivery: Row[Any], job: Row[Any] | None, assets: Sequence[Row[Any]], *, public_url: str
) -> Payload:
    """Put a delivery's matter together from the job's rows and what was noted at the change."""
    return Payload(
        message_id=public_id("delivery", delivery.id),
        event=delivery.event,
        at=delivery.at,
        public_url=public_url,
        job=None if job is None else SimpleNamespace(**{**job._mapping, **_then(delivery.snapshot)}),
        assets=[asset for asset in assets if asset.created_at <= delivery.at],
    )


def _then(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    times = {name: snapshot[name] and datetime.fromisoformat(snapshot[name]) for name in _MOMENTS}
    return {**snapshot, **times}


# The native message: the shape of Standard Webhooks and of OpenAI's events at once, the job inside.

_LEFT_OUT = ("attempts", "waiting")  # for these, ask for the job
_WORDS = 300  # characters of a long text that are kept when the whole is too long
_PICTURES = 16  # pictures that are kept then

#: What gives way when a message is too long, in this order; ``data.truncated`` names it.
_CUTS: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("metadata", lambda _: {}),
    ("text", lambda text: text and text[:_WORDS]),
    ("prompt", lambda prompt: prompt[:_WORDS]),
    ("error", lambda error: error and _short_error(error)),
    ("tags", lambda _: []),
    ("assets", lambda assets: [{**asset, "source_url": None} for asset in assets[:_PICTURES]]),
)


def job_body(telling: Payload) -> bytes:
    """Return a message about a job: ``data`` is the job as the API shows it, without attempts."""
    shown = job_view(telling.job, public_url=telling.public_url, assets=telling.assets)
    data = {name: value for name, value in shown.items() if name not in _LEFT_OUT}
    truncated: list[str] = []
    for name, shorten in _CUTS:
        body = _written(telling, data)
        if len(body) < LIMIT:
            return body
        shorter = shorten(data[name])
        if shorter != data[name]:
            truncated.append(name)
            data |= {name: shorter, "truncated": truncated}
    return _written(telling, data)


def trial_body(telling: Payload) -> bytes:
    """Return the message of a test."""
    return _written(telling, {"message": "This is a test. Answer with any 2xx status to say that it came."})


def _written(telling: Payload, data: Mapping[str, Any]) -> bytes:
    return orjson.dumps(
        {
            "id": telling.message_id,
            "object": "event",
            "type": telling.event,
            "created_at": int(telling.at.timestamp()),
            "timestamp": rfc3339(telling.at),
            "data": data,
        }
    )


def _short_error(error: Mapping[str, Any]) -> dict[str, Any]:
    return {**error, "message": str(error.get("message"))[:_WORDS], "provider_message": None}


# Which renderer writes a message: the surface's own for a job's own address, else the native one.

Renderer = Callable[[Payload], bytes]  #: returns JSON of less than ``LIMIT`` bytes

RENDERERS: Mapping[str, Renderer] = {}
"""Renderers by surface, where callers expect a message of another shape at a job's own address."""


def render(delivery: Row[Any], telling: Payload) -> bytes:
    """Write a delivery's message. Endpoints are told natively, whatever surface a job came by."""
    if WHOLE in delivery.snapshot:
        return orjson.dumps(delivery.snapshot[WHOLE])
    if delivery.event == WebhookEvent.TEST:
        return trial_body(telling)
    own = RENDERERS.get(telling.job.surface) if delivery.endpoint_id is None else None
    return (own or job_body)(telling)
