"""POST /v1/webhook_endpoints/{id}/test: an event is sent by a worker, and its result is waited for."""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from api.openai.context import json_context
from api.openai.webhooks.endpoints import event_of, own_endpoint
from api.services import ApiServices
from api.web.problems import Problem
from api.web.responses import JsonResponse
from models.ids import new_id, public_id
from models.openai.events import event_body
from models.queries.webhooks.deliveries import find_delivery
from models.queries.webhooks.outbox import BODY_KEY, insert_deliveries, new_delivery
from models.webhook_events import DeliveryStatus, WebhookEvent

_EXTRA_TIME = 5.0  # seconds beyond the receiver's own, in which a worker takes up the message
_PAUSE = 0.2  # seconds between two looks at its result


async def send_test(request: Request) -> Response:
    """Send an event of a type, without retries, and return what the receiver answered."""
    context, members = await json_context(request, images=False)
    services, at = context.services, context.at
    event = event_of(members.get("event_type"), "event_type")
    services.ceilings.webhook_tests.count(context.caller.id, at)
    key = new_id()
    body = event_body(key, event, f"{event.partition('.')[0]}_test", at)
    async with services.database.writing() as connection:
        row = await own_endpoint(connection, request, context.caller.id)
        delivery = new_delivery(
            id=key,
            caller_id=context.caller.id,
            endpoint_id=row.id,
            job_id=None,
            url=row.url,
            event=WebhookEvent.TEST,
            revision=0,
            snapshot={BODY_KEY: body, "started_at": None, "finished_at": None},
            at=at,
        )
        await insert_deliveries(connection, [delivery])
    services.notifier.notify()
    entry = await _result(services, key)
    content = {
        "object": "webhook_endpoint.test",
        "webhook_endpoint_id": public_id("webhook", row.id),
        "event_type": event,
        "status_code": entry["http_status"],
        "success": True,
    }
    return JsonResponse(content, headers={"Cache-Control": "no-store"})


async def _result(services: ApiServices, key: UUID) -> Mapping[str, Any]:
    """Return the log entry of a delivery that has ended. Raises ``Problem`` without an HTTP answer."""
    try:
        async with asyncio.timeout(services.settings.webhook_timeout + _EXTRA_TIME):
            while True:
                async with services.database.reading() as connection:
                    row = await find_delivery(connection, key, caller_id=None)
                if row is not None and row.status != DeliveryStatus.PENDING:
                    break
                await asyncio.sleep(_PAUSE)
    except TimeoutError as error:
        detail = f"No worker has sent the test yet; see GET /v1/webhooks for {public_id('delivery', key)}."
        raise Problem(503, "webhook_not_sent", detail, headers={"x-should-retry": "false"}) from error
    entry: Mapping[str, Any] = row.log[-1] if row.log else {}
    if entry.get("http_status") is None:
        raise Problem(400, "webhook_unreachable", str(entry.get("problem") or "The receiver did not answer."))
    return entry
