"""Which renderer writes a message: the surface's own for a job's own address, else the native one."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson
from sqlalchemy import Row

from models.queries.webhooks.outbox import WHOLE
from models.webhook_events import WebhookEvent
from worker.webhooks.native import job_body, trial_body
from worker.webhooks.payload import Telling

Renderer = Callable[[Telling], bytes]  #: returns JSON of less than ``LIMIT`` bytes

RENDERERS: Mapping[str, Renderer] = {}
"""Renderers by surface, where callers expect a message of another shape at a job's own address."""


def render(delivery: Row[Any], telling: Telling) -> bytes:
    """Write a delivery's message. Endpoints are told natively, whatever surface a job came by."""
    if WHOLE in delivery.snapshot:
        return orjson.dumps(delivery.snapshot[WHOLE])
    if delivery.event == WebhookEvent.TEST:
        return trial_body(telling)
    own = RENDERERS.get(telling.job.surface) if delivery.endpoint_id is None else None
    return (own or job_body)(telling)
