"""The addresses of webhooks, each with its description."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter

from api.rest.openapi.route_docs import (
    Responses,
    answers,
    extra,
    listing,
    merged,
    path,
    problems,
    query,
    reference,
)
from api.rest.webhooks.deliveries import (
    LONGEST_PAGE,
    PAGE,
    get_deliveries,
    get_delivery,
    replay_delivery,
    try_webhook,
)
from api.rest.webhooks.endpoints import (
    delete_webhook,
    get_webhook,
    list_webhooks,
    patch_webhook,
    post_webhook,
    rotate_webhook,
)
from models.webhook_events import DeliveryStatus

_ROOT = "/v1/webhooks"
_ONE = f"{_ROOT}/{{webhook_id}}"
_DELIVERY = f"{_ROOT}/deliveries/{{delivery_id}}"
_ID = path("webhook_id", "as it was given: webhook_…; or default, for the addresses that jobs bring along")
_DELIVERY_ID = path("delivery_id", "the message's webhook-id: delivery_…")
_WEBHOOK, _SECRET = reference("WebhookDocument"), reference("WebhookSecretDocument")
_LOGGED = reference("DeliveryDocument")


def add_webhooks(router: APIRouter) -> None:
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
    made = merged(answers(201, "The webhook, with its secret.", _SECRET), problems(400, 401, 409, 413, 422))
    example = {"value": {"url": "https://receiver.example/darkroom"}}
    body = {"schema": reference("NewWebhook"), "examples": {"one": example}}
    summary = "Be told of your jobs; the secret is shown this once"
    _add(router, "POST", _ROOT, post_webhook, summary, made, extra(body=body), status=201)
    page = merged(answers(200, "All of them.", reference("WebhookPageDocument")), problems(401))
    _add(router, "GET", _ROOT, list_webhooks, "List your webhooks", page, extra())


def _add_one(router: APIRouter) -> None:
    one = merged(answers(200, "The webhook.", _WEBHOOK), problems(401, 404))
    _add(router, "GET", _ONE, get_webhook, "Look at a webhook", one, extra(_ID))
    changed = merged(answers(200, "The webhook.", _WEBHOOK), problems(400, 401, 404, 409, 413, 422))
    described = extra(_ID, body={"schema": reference("WebhookChange")})
    _add(router, "PATCH", _ONE, patch_webhook, "Change, disable or enable a webhook", changed, described)
    gone = merged(answers(204, "It is deleted.", None), problems(401, 404, 409))
    _add(router, "DELETE", _ONE, delete_webhook, "Delete a webhook", gone, extra(_ID), status=204)
    rotated = merged(
        answers(200, "The webhook, with its new secret.", _SECRET), problems(400, 401, 404, 413, 422)
    )
    described = extra(_ID, body={"schema": reference("Rotation")})
    described["requestBody"]["required"] = False
    summary = "Make a new secret, shown this once; the old one signs too for a while"
    _add(router, "POST", f"{_ONE}/rotate", rotate_webhook, summary, rotated, described)
    tried = merged(answers(202, "The delivery.", _LOGGED), problems(401, 404, 409))
    _add(router, "POST", f"{_ONE}/test", try_webhook, "Send a test, once", tried, extra(_ID), status=202)


def _add_deliveries(router: APIRouter) -> None:
    page = merged(answers(200, "A page.", reference("DeliveryPageDocument")), problems(401, 404, 422))
    described = extra(
        _ID,
        query("status", f"one of {listing(list(DeliveryStatus))}", type="string"),
        query("before", "next of the page before", type="string"),
        query("limit", "deliveries per page", type="integer", minimum=1, maximum=LONGEST_PAGE, default=PAGE),
    )
    summary = "List deliveries, newest first"
    _add(router, "GET", f"{_ONE}/deliveries", get_deliveries, summary, page, described)
    one = merged(answers(200, "The delivery.", _LOGGED), problems(401, 404))
    _add(router, "GET", _DELIVERY, get_delivery, "Look at a delivery", one, extra(_DELIVERY_ID))
    again = merged(answers(202, "The delivery, due now.", _LOGGED), problems(401, 404, 409))
    summary = "Send a delivery once more, under the same webhook-id"
    _add(
        router,
        "POST",
        f"{_DELIVERY}/replay",
        replay_delivery,
        summary,
        again,
        extra(_DELIVERY_ID),
        status=202,
    )
