"""Deliveries of webhooks: tests, the log, and replays."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Caller
from api.rest.openapi.route_docs import (
    Responses,
    comma_separated,
    merge_responses,
    path_parameter,
    problem_responses,
    query_parameter,
    request_docs,
    response,
    schema_ref,
)
from api.rest.parameters import read_integer, read_query, read_text
from api.rest.webhooks.endpoints import (
    asked,
    delete_webhook,
    get_webhook,
    list_webhooks,
    own_endpoint,
    patch_webhook,
    post_webhook,
    rotate_webhook,
)
from api.rest.webhooks.schemas import delivery_view
from api.web.problems import invalid_field, not_found
from api.web.responses import JsonResponse
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
    services.notifier.notify()
    return JsonResponse(delivery_view(made), 202, headers=_PRIVATE)


async def get_deliveries(request: Request) -> Response:
    """List the deliveries to an endpoint, newest first, page by page."""
    services, caller = await asked(request)
    query = read_query(request, _LISTING)
    limit = read_integer(query, "limit", default=PAGE, least=1, most=LONGEST_PAGE) or PAGE
    status, before = read_text(query, "status", longest=16), read_text(query, "before", longest=64)
    if status is not None and status not in set(DeliveryStatus):
        raise invalid_field("status", f"must be among {', '.join(DeliveryStatus)}")
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
    return JsonResponse({"data": shown, "next": following}, headers=_PRIVATE)


async def get_delivery(request: Request) -> Response:
    """Look at one delivery."""
    services, caller = await asked(request)
    delivery_id = parse_id("delivery", request.path_params["delivery_id"])
    async with services.database.reading() as connection:
        row = await _own(connection, caller, delivery_id)
    return JsonResponse(delivery_view(row), headers=_PRIVATE)


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
    services.notifier.notify()
    return JsonResponse(delivery_view(again), 202, headers=_PRIVATE)


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
        raise invalid_field("before", "must be what an earlier page gave as next") from error


# The addresses of webhooks, each with its description.

_ROOT = "/v1/webhooks"
_ONE = f"{_ROOT}/{{webhook_id}}"
_DELIVERY = f"{_ROOT}/deliveries/{{delivery_id}}"
_ID = path_parameter(
    "webhook_id", "as it was given: webhook_…; or default, for the addresses that jobs bring along"
)
_DELIVERY_ID = path_parameter("delivery_id", "the message's webhook-id: delivery_…")
_WEBHOOK, _SECRET = schema_ref("WebhookDocument"), schema_ref("WebhookSecretDocument")
_LOGGED = schema_ref("DeliveryDocument")


def add_routes(router: APIRouter) -> None:
    """Add all routes of webhooks."""
    _add_endpoints(router)
    _add_one(router)
    _add_deliveries(router)


def _add(
    router: APIRouter,
    method: str,
    address: str,
    handler: Callable[..., Any],
    summary: str,
    responses: Responses,
    described: dict[str, Any],
    *,
    status: int = 200,
) -> None:
    router.add_api_route(
        address,
        handler,
        methods=[method],
        tags=["webhooks"],
        summary=summary,
        status_code=status,
        responses=responses,
        openapi_extra=described,
    )


def _add_endpoints(router: APIRouter) -> None:
    made = merge_responses(
        response(201, "The webhook, with its secret.", _SECRET), problem_responses(400, 401, 409, 413, 422)
    )
    example = {"value": {"url": "https://receiver.example/darkroom"}}
    body = {"schema": schema_ref("NewWebhook"), "examples": {"one": example}}
    summary = "Be told of your jobs; the secret is shown this once"
    _add(router, "POST", _ROOT, post_webhook, summary, made, request_docs(body=body), status=201)
    page = merge_responses(
        response(200, "All of them.", schema_ref("WebhookPageDocument")), problem_responses(401)
    )
    _add(router, "GET", _ROOT, list_webhooks, "List your webhooks", page, request_docs())


def _add_one(router: APIRouter) -> None:
    one = merge_responses(response(200, "The webhook.", _WEBHOOK), problem_responses(401, 404))
    _add(router, "GET", _ONE, get_webhook, "Look at a webhook", one, request_docs(_ID))
    changed = merge_responses(
        response(200, "The webhook.", _WEBHOOK), problem_responses(400, 401, 404, 409, 413, 422)
    )
    described = request_docs(_ID, body={"schema": schema_ref("WebhookChange")})
    _add(router, "PATCH", _ONE, patch_webhook, "Change, disable or enable a webhook", changed, described)
    gone = merge_responses(response(204, "It is deleted.", None), problem_responses(401, 404, 409))
    _add(router, "DELETE", _ONE, delete_webhook, "Delete a webhook", gone, request_docs(_ID), status=204)
    rotated = merge_responses(
        response(200, "The webhook, with its new secret.", _SECRET),
        problem_responses(400, 401, 404, 413, 422),
    )
    described = request_docs(_ID, body={"schema": schema_ref("Rotation")})
    described["requestBody"]["required"] = False
    summary = "Make a new secret, shown this once; the old one signs too for a while"
    _add(router, "POST", f"{_ONE}/rotate", rotate_webhook, summary, rotated, described)
    tried = merge_responses(response(202, "The delivery.", _LOGGED), problem_responses(401, 404, 409))
    _add(
        router, "POST", f"{_ONE}/test", try_webhook, "Send a test, once", tried, request_docs(_ID), status=202
    )


def _add_deliveries(router: APIRouter) -> None:
    page = merge_responses(
        response(200, "A page.", schema_ref("DeliveryPageDocument")), problem_responses(401, 404, 422)
    )
    described = request_docs(
        _ID,
        query_parameter("status", f"one of {comma_separated(list(DeliveryStatus))}", type="string"),
        query_parameter("before", "next of the page before", type="string"),
        query_parameter(
            "limit", "deliveries per page", type="integer", minimum=1, maximum=LONGEST_PAGE, default=PAGE
        ),
    )
    summary = "List deliveries, newest first"
    _add(router, "GET", f"{_ONE}/deliveries", get_deliveries, summary, page, described)
    one = merge_responses(response(200, "The delivery.", _LOGGED), problem_responses(401, 404))
    _add(router, "GET", _DELIVERY, get_delivery, "Look at a delivery", one, request_docs(_DELIVERY_ID))
    again = merge_responses(
        response(202, "The delivery, due now.", _LOGGED), problem_responses(401, 404, 409)
    )
    summary = "Send a delivery once more, under the same webhook-id"
    _add(
        router,
        "POST",
        f"{_DELIVERY}/replay",
        replay_delivery,
        summary,
        again,
        request_docs(_DELIVERY_ID),
        status=202,
    )
