"""Endpoints that are told of a caller's jobs: made, looked at, changed, given new secrets."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Caller, authenticate
from api.rest.webhooks.schemas import (
    DEFAULT,
    NewWebhook,
    Rotation,
    WebhookChange,
    body_of,
    unique,
    webhook_view,
)
from api.services import ApiServices, services_of
from api.web.json_body import read_json
from api.web.problems import not_found
from api.web.responses import JsonResponse
from models.errors import Conflict
from models.ids import new_id, parse_id
from models.queries.webhooks.deliveries import redirect_pending, stop_endpoint
from models.queries.webhooks.endpoints import (
    change_endpoint,
    count_endpoints,
    default_endpoint,
    find_endpoint,
    insert_endpoint,
    list_endpoints,
)
from models.queries.webhooks.outbox import host_of
from worker.webhooks.signature import new_secret

MOST = 20  #: endpoints of one caller
_BY_OWNER = "disabled by its owner"
_PRIVATE = {"Cache-Control": "no-store"}


async def asked(request: Request) -> tuple[ApiServices, Caller]:
    """Return the services and who asks."""
    services = services_of(request)
    return services, await authenticate(request, services.authenticator)


async def own_endpoint(
    connection: AsyncConnection, caller: Caller, public: str, at: datetime, *, default: bool = True
) -> Row[Any]:
    """Return the endpoint that a caller names. Raises ``NotFound``, and ``Conflict`` for an unfit default."""
    if public == DEFAULT:
        if not default:
            raise Conflict("The default webhook has no address of its own; make one with POST /v1/webhooks.")
        return await default_endpoint(connection, caller.id, secret=new_secret(), at=at)
    row = await find_endpoint(connection, parse_id("webhook", public), caller_id=caller.id)
    if row is None:
        raise not_found(f"There is no webhook {public[:64]!r}.")
    return row


async def post_webhook(request: Request) -> Response:
    """Make an endpoint; its secret is shown this once."""
    services, caller = await asked(request)
    _, value = await read_json(request)
    given, secret = body_of(NewWebhook, value, services.settings), new_secret()
    row = {
        "id": new_id(),
        "caller_id": caller.id,
        "url": given.url,
        "description": given.description,
        "events": unique(given.events),
        "secret": secret,
        "previous_until": None,
        "created_at": services.clock(),
        "disabled_at": None,
        "disabled_reason": None,
    }
    async with services.database.writing() as connection:
        if await count_endpoints(connection, caller.id) >= MOST:
            raise Conflict(f"You have {MOST} webhooks, which is the most; delete one first.")
        await insert_endpoint(connection, row)
    view = webhook_view(SimpleNamespace(**row), secret=secret)
    return JsonResponse(view, 201, headers=_PRIVATE | {"Location": f"/v1/webhooks/{view['id']}"})


async def list_webhooks(request: Request) -> Response:
    """List the caller's endpoints."""
    services, caller = await asked(request)
    async with services.database.reading() as connection:
        rows = await list_endpoints(connection, caller.id)
    return JsonResponse({"data": [webhook_view(row) for row in rows]}, headers=_PRIVATE)


async def get_webhook(request: Request) -> Response:
    """Look at one endpoint."""
    services, caller = await asked(request)
    async with services.database.writing() as connection:
        row = await own_endpoint(connection, caller, request.path_params["webhook_id"], services.clock())
    return JsonResponse(webhook_view(row), headers=_PRIVATE)


async def patch_webhook(request: Request) -> Response:
    """Change an endpoint."""
    services, caller = await asked(request)
    _, value = await read_json(request)
    given = body_of(WebhookChange, value, services.settings)
    at, public = services.clock(), request.path_params["webhook_id"]
    async with services.database.writing() as connection:
        row = await own_endpoint(connection, caller, public, at, default=False)
        await change_endpoint(connection, row.id, _changes(given, row, at))
        if given.enabled is False:
            await stop_endpoint(connection, row.id, at)
        if given.url is not None:
            await redirect_pending(connection, row.id, url=given.url, host=host_of(given.url))
        changed = await own_endpoint(connection, caller, public, at)
    return JsonResponse(webhook_view(changed), headers=_PRIVATE)


def _changes(given: WebhookChange, row: Row[Any], at: datetime) -> Mapping[str, Any]:
    changes: dict[str, Any] = {
        name: value for name, value in given.model_dump(exclude={"enabled"}).items() if value is not None
    }
    if given.events is not None:
        changes["events"] = unique(given.events)
    if given.enabled is True:
        changes |= {"disabled_at": None, "disabled_reason": None}
    elif given.enabled is False and row.disabled_at is None:
        changes |= {"disabled_at": at, "disabled_reason": _BY_OWNER}
    return changes or {"description": row.description}


async def delete_webhook(request: Request) -> Response:
    """Delete an endpoint; what waits for it is dropped."""
    services, caller = await asked(request)
    at = services.clock()
    async with services.database.writing() as connection:
        row = await own_endpoint(connection, caller, request.path_params["webhook_id"], at, default=False)
        await change_endpoint(connection, row.id, {"deleted_at": at})
        await stop_endpoint(connection, row.id, at)
    return Response(status_code=204)


async def rotate_webhook(request: Request) -> Response:
    """Give an endpoint a new secret, shown this once; the old one signs too for a while."""
    services, caller = await asked(request)
    value = (await read_json(request))[1] if await request.body() else {}
    given = body_of(Rotation, value, services.settings)
    at, secret, public = services.clock(), new_secret(), request.path_params["webhook_id"]
    async with services.database.writing() as connection:
        row = await own_endpoint(connection, caller, public, at)
        until = at + timedelta(seconds=given.overlap)
        changes = {"secret": secret, "previous_secret": row.secret, "previous_until": until}
        await change_endpoint(connection, row.id, changes)
        changed = await own_endpoint(connection, caller, public, at)
    return JsonResponse(webhook_view(changed, secret=secret), headers=_PRIVATE)
