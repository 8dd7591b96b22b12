"""Deliveries of webhooks: tests, the log, and replays."""

from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Caller
from api.rest.parameters import integer, known_parameters, words
from api.rest.webhooks.endpoints import asked, own_endpoint
from api.web.problems import invalid, not_found
from api.web.responses import JsonAnswer
from api.webhook_views import delivery_view
from models.errors import Conflict, NotFound
from models.ids import parse_id
from models.queries.webhooks.deliveries import find_delivery, list_deliveries, replay
from models.queries.webhooks.endpoints import find_endpoint
from models.queries.webhooks.outbox import host_of, insert_deliveries, new_delivery
from models.webhook_events import DeliveryStatus, WebhookEvent

LONGEST_PAGE = 200
PAGE = 50
_LISTING = frozenset({"status", "before", "limit"})
_PRIVATE = {"Cache-Control": "no-store"}


async def try_webhook(request: Request) -> Response:
    """Send a test to an endpoint, once; look at the delivery for what came of it."""
    services, caller = await asked(request)
    at = services.clock()
    async with services.database.writing() as connection:
        public = request.path_params["webhook_id"]
        endpoint = await own_endpoint(connection, caller, public, at, default=False)
        if endpoint.disabled_at is not None:
            raise Conflict("This webhook is disabled; enable it first.")
        row = new_delivery(
            caller_id=caller.id,
            endpoint_id=endpoint.id,
            job_id=None,
            url=endpoint.url,
            event=WebhookEvent.TEST,
            revision=0,
            snapshot={},
            at=at,
        )
        await insert_deliveries(connection, [row])
        made = await _own(connection, caller, row["id"])
    services.doorbell.ring()
    return JsonAnswer(delivery_view(made), 202, headers=_PRIVATE)


async def get_deliveries(request: Request) -> Response:
    """List the deliveries to an endpoint, newest first, page by page."""
    services, caller = await asked(request)
    query = known_parameters(request, _LISTING)
    limit = integer(query, "limit", default=PAGE, least=1, most=LONGEST_PAGE) or PAGE
    status, before = words(query, "status", longest=16), words(query, "before", longest=64)
    if status is not None and status not in set(DeliveryStatus):
        raise invalid("status", f"must be among {', '.join(DeliveryStatus)}")
    async with services.database.writing() as connection:
        public = request.path_params["webhook_id"]
        endpoint = await own_endpoint(connection, caller, public, services.clock())
        rows = await list_deliveries(
            connection,
            caller.id,
            endpoint.id if endpoint.url is not None else None,
            status=status,
            before=None if before is None else _cursor(before),
            limit=limit + 1,
        )
    shown = [delivery_view(row) for row in rows[:limit]]
    following = shown[-1]["id"] if len(rows) > limit else None
    return JsonAnswer({"data": shown, "next": following}, headers=_PRIVATE)


async def get_delivery(request: Request) -> Response:
    """Look at one delivery."""
    services, caller = await asked(request)
    delivery_id = parse_id("delivery", request.path_params["delivery_id"])
    async with services.database.reading() as connection:
        row = await _own(connection, caller, delivery_id)
    return JsonAnswer(delivery_view(row), headers=_PRIVATE)


async def replay_delivery(request: Request) -> Response:
    """Send a delivery that has ended once more, under the same webhook-id."""
    services, caller = await asked(request)
    delivery_id = parse_id("delivery", request.path_params["delivery_id"])
    async with services.database.writing() as connection:
        row = await _own(connection, caller, delivery_id)
        url = row.url if row.endpoint_id is None else await _open_address(connection, caller, row)
        if not await replay(connection, row.id, url=url, host=host_of(url), at=services.clock()):
            raise Conflict("This delivery has not ended; it is still being tried.")
        again = await _own(connection, caller, delivery_id)
    services.doorbell.ring()
    return JsonAnswer(delivery_view(again), 202, headers=_PRIVATE)


async def _open_address(connection: AsyncConnection, caller: Caller, row: Row[Any]) -> str:
    endpoint = await find_endpoint(connection, row.endpoint_id, caller_id=caller.id)
    if endpoint is None or endpoint.disabled_at is not None:
        raise Conflict("The webhook of this delivery is disabled or deleted.")
    return str(endpoint.url)


async def _own(connection: AsyncConnection, caller: Caller, delivery_id: Any) -> Row[Any]:
    row = await find_delivery(connection, delivery_id, caller_id=caller.id)
    if row is None:
        raise not_found("There is no such delivery.")
    return row


def _cursor(text: str) -> Any:
    try:
        return parse_id("delivery", text)
    except NotFound as error:
        raise invalid("before", "must be what an earlier page gave as next") from error
