"""Webhook payload: the job as it was at the event, as JSON of bounded size."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import orjson
from sqlalchemy import Row

from models.clock import rfc3339
from models.ids import public_id
from models.queries.webhooks.outbox import BODY_KEY
from models.serializers import REQUEST_MEMBERS, job_view
from models.webhook_events import WebhookEvent

LIMIT = 20_000  #: a body has fewer bytes, as Standard Webhooks advises
_TIME_FIELDS = ("started_at", "finished_at")
_OMITTED = (
    "attempts",
    "waiting",
    "former_assets",
    *REQUEST_MEMBERS,
)  # members of a job that ``GET /v1/jobs/{id}`` has and a payload has not
_SHORT_TEXT = 300  # characters that remain of a long text, once the payload is too long
_SHORT_LIST = 16  # assets that remain then

#: What is shortened when a payload is too long, in this order; ``data.truncated`` names it.
_CUTS: tuple[tuple[str, Callable[[Any], Any]], ...] = (
    ("metadata", lambda _: {}),
    ("text", lambda text: text and text[:_SHORT_TEXT]),
    ("prompt", lambda prompt: prompt[:_SHORT_TEXT]),
    ("error", lambda error: error and _short_error(error)),
    ("tags", lambda _: []),
    ("assets", lambda assets: [{**asset, "source_url": None} for asset in assets[:_SHORT_LIST]]),
)


@dataclass(frozen=True, slots=True)
class Payload:
    """What one delivery says; the same for every retry and replay."""

    message_id: str  #: also its ``webhook-id``
    event: str
    at: datetime
    public_url: str  #: the base of URLs, without a slash at its end
    job: Any = None  #: with the columns of a job's row; ``None``: a test
    assets: Sequence[Row[Any]] = ()


def payload_of(
    delivery: Row[Any], job: Row[Any] | None, assets: Sequence[Row[Any]], *, public_url: str
) -> Payload:
    """Return the payload of a delivery: the job's row, with the values of the snapshot at the event."""
    return Payload(
        message_id=public_id("delivery", delivery.id),
        event=delivery.event,
        at=delivery.at,
        public_url=public_url,
        job=None if job is None else SimpleNamespace(**{**job._mapping, **_values_of(delivery.snapshot)}),
        assets=[asset for asset in assets if asset.created_at <= delivery.at],
    )


def render(delivery: Row[Any], payload: Payload) -> bytes:
    """Return the body of a delivery's message."""
    if BODY_KEY in delivery.snapshot:
        return orjson.dumps(delivery.snapshot[BODY_KEY])
    if delivery.event == WebhookEvent.TEST:
        return render_test(payload)
    return render_job(payload)


def render_job(payload: Payload) -> bytes:
    """Return the body of a job's event: ``data`` is the job as the API shows it, without attempts.

    Its assets lack what is found in them later: each retry has the same body.
    """
    view = job_view(payload.job, public_url=payload.public_url, assets=payload.assets, examined=False)
    data = {name: value for name, value in view.items() if name not in _OMITTED}
    truncated: list[str] = []
    for name, shorten in _CUTS:
        body = _envelope(payload, data)
        if len(body) < LIMIT:
            return body
        shorter = shorten(data[name])
        if shorter != data[name]:
            truncated.append(name)
            data |= {name: shorter, "truncated": truncated}
    return _envelope(payload, data)


def render_test(payload: Payload) -> bytes:
    """Return the body of a test."""
    return _envelope(payload, {"message": "This is a test. Answer with any 2xx status to say that it came."})


def _envelope(payload: Payload, data: Mapping[str, Any]) -> bytes:
    """Return the envelope of Standard Webhooks, which is that of OpenAI's events as well."""
    return orjson.dumps(
        {
            "id": payload.message_id,
            "object": "event",
            "type": payload.event,
            "created_at": int(payload.at.timestamp()),
            "timestamp": rfc3339(payload.at),
            "data": data,
        }
    )


def _values_of(snapshot: Mapping[str, Any]) -> dict[str, Any]:
    times = {name: snapshot[name] and datetime.fromisoformat(snapshot[name]) for name in _TIME_FIELDS}
    return {**snapshot, **times}


def _short_error(error: Mapping[str, Any]) -> dict[str, Any]:
    return {**error, "message": str(error.get("message"))[:_SHORT_TEXT], "provider_message": None}
