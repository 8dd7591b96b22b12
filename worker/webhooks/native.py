"""The native message: the shape of Standard Webhooks and of OpenAI's events at once, the job inside."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from models.clock import rfc3339
from models.serializers import job_view
from worker.webhooks.payload import LIMIT, Telling

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


def job_body(telling: Telling) -> bytes:
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


def trial_body(telling: Telling) -> bytes:
    """Return the message of a test."""
    return _written(telling, {"message": "This is a test. Answer with any 2xx status to say that it came."})


def _written(telling: Telling, data: Mapping[str, Any]) -> bytes:
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
