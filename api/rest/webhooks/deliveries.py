"""Webhook deliveries: send a test, list the log, replay."""

from functools import partial
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Caller, authenticate
from api.rest.openapi.route_docs import (
    comma_separated,
    merge_responses,
    path_parameter,
    problem_responses,
    query_parameter,
    request_docs,
    response,
    schema_ref,
)
from api.rest.parameters import read_cursor, read_integer, read_path_id, read_query, read_words
from api.rest.webhooks.endpoints import (
    CALLER,
    MAX_PAGE,
    PAGE,
    WEBHOOK_ID,
    WEBHOOK_PATH,
    WEBHOOKS_PATH,
    endpoint_in_scope,
    own_endpoint,
)
from api.services import services_of
from api.web.problems import not_found
from api.web.responses import JsonResponse
from api.webhooks.documents import delivery_view
from api.webhooks.lists import read_deliveries
from models.errors import Conflict
from models.queries.webhooks.deliveries import find_delivery, list_deliveries, replay
from models.queries.webhooks.endpoints import find_endpoint
from models.queries.webhooks.outbox import host_of, insert_deliveries, new_delivery
from models.webhook_events import DeliveryStatus, WebhookEvent

DELIVERY_PATH = f"{WEBHOOKS_PATH}/deliveries/{{delivery_id}}"
_PARAMETERS = frozenset({"status", "caller", "before", "limit"})
_PAGING = (
    query_parameter("before", "next of the previous page", type="string"),
    query_parameter(
        "limit", "deliveries per page", type="integer", minimum=1, maximum=MAX_PAGE, default=PAGE
    ),
)
_NO_STORE = {"Cache-Control": "no-store"}


async def try_webhook(request: Request) -> Response:
    """Send a test to an endpoint, without retries; its delivery shows the result."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    at, webhook_id = services.clock(), request.path_params["webhook_id"]
    async with services.database.writing() as connection:
        endpoint = await own_endpoint(services, connection, caller, webhook_id, allow_default=False)
        if endpoint.disabled_at is not None:
            raise Conflict("This webhook is disabled; enable it first.")
        services.ceilings.webhook_tests.count(caller.id, at)
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
        delivery = await _delivery(connection, row["id"], caller.id)
    services.notifier.notify()
    return JsonResponse(delivery_view(delivery), 202, headers=_NO_STORE)


async def get_deliveries(request: Request) -> Response:
    """List the deliveries to an endpoint, newest first, page by page."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    query = read_query(request, _PARAMETERS)
    limit = read_integer(query, "limit", default=PAGE, least=1, most=MAX_PAGE) or PAGE
    statuses = read_words(query, "status", known=list(DeliveryStatus))
    before = read_cursor(query, "before", "delivery")
    async with services.database.writing() as connection:
        endpoint = await endpoint_in_scope(request, connection, caller)
        rows = await list_deliveries(
            connection,
            endpoint.caller_id,
            endpoint.id if endpoint.url is not None else None,
            statuses=statuses,
            before=before,
            limit=limit + 1,
        )
    page = [delivery_view(row) for row in rows[:limit]]
    following = page[-1]["id"] if len(rows) > limit else None
    return JsonResponse({"data": page, "next": following}, headers=_NO_STORE)


async def get_newest_deliveries(request: Request) -> Response:
    """List the deliveries to all receivers in the scope of the caller, newest first, page by page."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    query = read_query(request, frozenset({"before", "limit"}))
    limit = read_integer(query, "limit", default=PAGE, least=1, most=MAX_PAGE) or PAGE
    before = read_cursor(query, "before", "delivery")
    async with services.database.reading() as connection:
        page = await read_deliveries(connection, caller, before=before, limit=limit)
    return JsonResponse({"data": page.documents, "next": page.following}, headers=_NO_STORE)


async def get_delivery(request: Request) -> Response:
    """Return one delivery."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    delivery_id = await read_path_id(request, "delivery", "delivery_id", caller_id=caller.scope)
    async with services.database.reading() as connection:
        row = await _delivery(connection, delivery_id, caller.scope)
    return JsonResponse(delivery_view(row), headers=_NO_STORE)


async def replay_delivery(request: Request) -> Response:
    """Send a delivery that has ended again, under the same webhook-id."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    delivery_id = await read_path_id(request, "delivery", "delivery_id", caller_id=caller.id)
    services.ceilings.webhook_replays.count(caller.id, services.clock())
    async with services.database.writing() as connection:
        row = await _delivery(connection, delivery_id, caller.id)
        url = row.url if row.endpoint_id is None else await _endpoint_url(connection, caller, row)
        if not await replay(connection, row.id, url=url, host=host_of(url), at=services.clock()):
            raise Conflict("This delivery has not ended; it is still being tried.")
        replayed = await _delivery(connection, delivery_id, caller.id)
    services.notifier.notify()
    return JsonResponse(delivery_view(replayed), 202, headers=_NO_STORE)


async def _endpoint_url(connection: AsyncConnection, caller: Caller, delivery: Row[Any]) -> str:
    endpoint = await find_endpoint(connection, delivery.endpoint_id, caller_id=caller.id)
    if endpoint is None or endpoint.disabled_at is not None:
        raise Conflict("The webhook of this delivery is disabled or deleted.")
    return str(endpoint.url)


async def _delivery(connection: AsyncConnection, delivery_id: UUID, caller_id: UUID | None) -> Row[Any]:
    row = await find_delivery(connection, delivery_id, caller_id=caller_id)
    if row is None:
        raise not_found("There is no such delivery.")
    return row


def add_routes(router: APIRouter) -> None:
    """Add the routes of deliveries."""
    add = partial(router.add_api_route, tags=["webhooks"])
    delivery = schema_ref("DeliveryDocument")
    delivery_id = path_parameter(
        "delivery_id", "the message's webhook-id: delivery_…, or a unique beginning of it"
    )
    add(
        f"{WEBHOOK_PATH}/test",
        try_webhook,
        methods=["POST"],
        summary="Send a test, without retries",
        status_code=202,
        responses=merge_responses(
            response(202, "The delivery.", delivery), problem_responses(401, 404, 409, 422, 429)
        ),
        openapi_extra=request_docs(WEBHOOK_ID),
    )
    add(
        f"{WEBHOOK_PATH}/deliveries",
        get_deliveries,
        methods=["GET"],
        summary="List deliveries, newest first",
        responses=merge_responses(
            response(200, "A page.", schema_ref("DeliveryPageDocument")),
            problem_responses(401, 403, 404, 422),
        ),
        openapi_extra=request_docs(
            WEBHOOK_ID,
            query_parameter(
                "status",
                f"among {comma_separated(list(DeliveryStatus))}; several separated by commas",
                type="string",
            ),
            CALLER,
            *_PAGING,
        ),
    )
    add(
        f"{WEBHOOKS_PATH}/deliveries",
        get_newest_deliveries,
        methods=["GET"],
        summary="List the deliveries to all receivers, newest first; those of all callers that your key sees",
        responses=merge_responses(
            response(200, "A page.", schema_ref("DeliveryPageDocument")), problem_responses(401, 422)
        ),
        openapi_extra=request_docs(*_PAGING),
    )
    add(
        DELIVERY_PATH,
        get_delivery,
        methods=["GET"],
        summary="Get a delivery",
        responses=merge_responses(response(200, "The delivery.", delivery), problem_responses(401, 404, 422)),
        openapi_extra=request_docs(delivery_id),
    )
    add(
        f"{DELIVERY_PATH}/replay",
        replay_delivery,
        methods=["POST"],
        summary="Send a delivery again, under the same webhook-id",
        status_code=202,
        responses=merge_responses(
            response(202, "The delivery, due now.", delivery), problem_responses(401, 404, 409, 422, 429)
        ),
        openapi_extra=request_docs(delivery_id),
    )
