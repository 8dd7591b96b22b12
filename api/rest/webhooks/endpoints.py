"""Webhook endpoints: create, read, change, delete, and rotate their secrets."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Caller, authenticate
from api.ceilings import limit_reached
from api.jobs.caller_scope import callers_in_scope
from api.rest.openapi.route_docs import (
    merge_responses,
    path_parameter,
    problem_responses,
    query_parameter,
    request_docs,
    response,
    schema_ref,
)
from api.rest.parameters import read_boolean, read_cursor, read_integer, read_query, read_text
from api.rest.webhooks.schemas import NewWebhook, Rotation, WebhookChange, validate
from api.services import ApiServices, services_of
from api.web.json_body import read_json
from api.web.problems import Problem, invalid_field, not_found
from api.web.responses import JsonResponse
from api.webhooks.documents import DEFAULT_ID, webhook_view
from api.webhooks.lists import read_webhooks
from models.api_keys import Role
from models.errors import Conflict
from models.ids import new_id, parse_id
from models.queries.callers import lock_submits
from models.queries.operations.notices import ALL_ALERTS
from models.queries.short_ids import whole_id
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

WEBHOOKS_PATH = "/v1/webhooks"
WEBHOOK_PATH = f"{WEBHOOKS_PATH}/{{webhook_id}}"
WEBHOOK_ID = path_parameter(
    "webhook_id", "webhook_…, or a unique beginning of it; or default, for jobs' own webhook_url"
)
CALLER = query_parameter(
    "caller",
    "With an admin's key: name or id of the caller whose webhooks to read, instead of its own.",
    type="string",
    maxLength=100,
)
MAX_PAGE = 200  #: webhooks, or deliveries
PAGE = 50  #: of them, unless the caller says otherwise
_LIST_PARAMETERS = frozenset({"caller", "all", "after", "limit"})
_DISABLED_BY_OWNER = "disabled by its owner"
_NO_STORE = {"Cache-Control": "no-store"}


async def own_endpoint(
    services: ApiServices,
    connection: AsyncConnection,
    caller: Caller,
    webhook_id: str,
    *,
    allow_default: bool = True,
) -> Row[Any]:
    """Return a caller's endpoint by its public id, locked for this transaction.

    Raises ``NotFound``, and ``Conflict`` for the default endpoint unless it is allowed.
    """
    if webhook_id == DEFAULT_ID:
        if not allow_default:
            raise Conflict("The default webhook has no address of its own; make one with POST /v1/webhooks.")
        return await _default_endpoint(services, connection, caller.id)
    return await _found_endpoint(connection, webhook_id, caller_id=caller.id)


async def endpoint_in_scope(request: Request, connection: AsyncConnection, caller: Caller) -> Row[Any]:
    """Return the endpoint in the path, to be read: the caller's; for an admin's key anybody's.

    The parameter ``caller`` says whose default endpoint an admin means. Raises ``NotFound``, and problems.
    """
    webhook_id = request.path_params["webhook_id"]
    wanted = read_text(request.query_params, "caller", longest=100)
    if webhook_id == DEFAULT_ID:
        owners = [caller.id] if wanted is None else await callers_in_scope(connection, caller, wanted)
        if len(owners) > 1:
            raise invalid_field("caller", "several callers have this name; use an id")
        return await _default_endpoint(services_of(request), connection, owners[0])
    return await _found_endpoint(connection, webhook_id, caller_id=caller.scope)


async def _found_endpoint(
    connection: AsyncConnection, webhook_id: str, *, caller_id: UUID | None
) -> Row[Any]:
    """Return an endpoint by its id, whole or short. Raises ``NotFound``."""
    whole = await whole_id(connection, "webhook", webhook_id, caller_id=caller_id, field="webhook_id")
    row = await find_endpoint(connection, parse_id("webhook", whole), caller_id=caller_id)
    if row is None:
        raise not_found(f"There is no webhook {webhook_id[:64]!r}.")
    return row


async def _default_endpoint(services: ApiServices, connection: AsyncConnection, caller_id: UUID) -> Row[Any]:
    secret = services.cipher.encrypt(new_secret())
    return await default_endpoint(connection, caller_id, secret=secret, at=services.clock())


async def post_webhook(request: Request) -> Response:
    """Create an endpoint; the response is the only one that shows its secret."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    _, value = await read_json(request, caller)
    body, secret = validate(NewWebhook, value, services.settings), new_secret()
    _check_alerts(caller, body.events)
    row = {
        "id": new_id(),
        "caller_id": caller.id,
        "url": body.url,
        "description": body.description,
        "events": sorted(set(body.events)),
        "secret": services.cipher.encrypt(secret),
        "previous_until": None,
        "created_at": services.clock(),
        "disabled_at": None,
        "disabled_reason": None,
    }
    async with services.database.writing() as connection:
        await lock_submits(connection, caller.id)
        if await count_endpoints(connection, caller.id) >= (most := services.settings.webhook_endpoints):
            raise limit_reached("webhooks", most, "webhook_endpoints")
        await insert_endpoint(connection, row)
    view = webhook_view(SimpleNamespace(**row), services.cipher, secret=secret)
    return JsonResponse(view, 201, headers=_NO_STORE | {"Location": f"{WEBHOOKS_PATH}/{view['id']}"})


def _check_alerts(caller: Caller, events: Sequence[str]) -> None:
    """Raise the 403 problem unless the caller may have these events."""
    if ALL_ALERTS in events and caller.role is not Role.ADMIN:
        raise Problem(403, "forbidden", f"events: {ALL_ALERTS} needs an admin's key.")


async def list_webhooks(request: Request) -> Response:
    """List the caller's endpoints, or with an admin's key those of another caller."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    query = read_query(request, _LIST_PARAMETERS)
    wanted = read_text(query, "caller", longest=100)
    if read_boolean(query, "all"):
        return await _list_all(query, services, caller)
    for name in ("after", "limit"):
        if query.get(name):
            raise invalid_field(name, "needs all=true; the webhooks of one caller are listed at once")
    async with services.database.reading() as connection:
        owners = [caller.id] if wanted is None else await callers_in_scope(connection, caller, wanted)
        rows = [row for owner in owners for row in await list_endpoints(connection, owner)]
    return JsonResponse({"data": [webhook_view(row, services.cipher) for row in rows]}, headers=_NO_STORE)


async def _list_all(query: Mapping[str, str], services: ApiServices, caller: Caller) -> Response:
    """Return a page of the endpoints of all callers that a key sees."""
    if query.get("caller"):
        raise invalid_field("caller", "leave it out with all=true, which is about all callers")
    limit = read_integer(query, "limit", default=PAGE, least=1, most=MAX_PAGE) or PAGE
    after = read_cursor(query, "after", "webhook")
    async with services.database.reading() as connection:
        page = await read_webhooks(connection, caller, services.cipher, after=after, limit=limit)
    return JsonResponse({"data": page.documents, "next": page.following}, headers=_NO_STORE)


async def get_webhook(request: Request) -> Response:
    """Return one endpoint."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    async with services.database.writing() as connection:
        row = await endpoint_in_scope(request, connection, caller)
    return JsonResponse(webhook_view(row, services.cipher), headers=_NO_STORE)


async def patch_webhook(request: Request) -> Response:
    """Change an endpoint."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    _, value = await read_json(request, caller)
    body = validate(WebhookChange, value, services.settings)
    _check_alerts(caller, body.events or ())
    at, webhook_id = services.clock(), request.path_params["webhook_id"]
    async with services.database.writing() as connection:
        row = await own_endpoint(services, connection, caller, webhook_id, allow_default=False)
        await change_endpoint(connection, row.id, _changes(body, row, at))
        if body.enabled is False:
            await stop_endpoint(connection, row.id, at)
        if body.url is not None:
            await redirect_pending(connection, row.id, url=body.url, host=host_of(body.url))
        changed = await own_endpoint(services, connection, caller, webhook_id)
    return JsonResponse(webhook_view(changed, services.cipher), headers=_NO_STORE)


async def delete_webhook(request: Request) -> Response:
    """Delete an endpoint, and stop its pending deliveries."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    at, webhook_id = services.clock(), request.path_params["webhook_id"]
    async with services.database.writing() as connection:
        row = await own_endpoint(services, connection, caller, webhook_id, allow_default=False)
        await change_endpoint(connection, row.id, {"deleted_at": at})
        await stop_endpoint(connection, row.id, at)
    return Response(status_code=204)


async def rotate_webhook(request: Request) -> Response:
    """Give an endpoint a new secret, shown in this response only; both sign during the overlap."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    _, value = await read_json(request, caller, optional=True)
    body = validate(Rotation, value, services.settings)
    at, secret, webhook_id = services.clock(), new_secret(), request.path_params["webhook_id"]
    async with services.database.writing() as connection:
        row = await own_endpoint(services, connection, caller, webhook_id)
        until = at + timedelta(seconds=body.overlap)
        stored = services.cipher.encrypt(secret)
        changes = {"secret": stored, "previous_secret": row.secret, "previous_until": until}
        await change_endpoint(connection, row.id, changes)
        changed = await own_endpoint(services, connection, caller, webhook_id)
    return JsonResponse(webhook_view(changed, services.cipher, secret=secret), headers=_NO_STORE)


def _changes(body: WebhookChange, row: Row[Any], at: datetime) -> Mapping[str, Any]:
    changes: dict[str, Any] = body.model_dump(exclude={"enabled"}, exclude_none=True)
    if body.events is not None:
        changes["events"] = sorted(set(body.events))
    if body.enabled is True:
        changes |= {"disabled_at": None, "disabled_reason": None}
    elif body.enabled is False and row.disabled_at is None:
        changes |= {"disabled_at": at, "disabled_reason": _DISABLED_BY_OWNER}
    return changes or {"description": row.description}


_WEBHOOK, _WITH_SECRET = schema_ref("WebhookDocument"), schema_ref("WebhookSecretDocument")


def add_routes(router: APIRouter) -> None:
    """Add the routes of webhook endpoints."""
    _add_collection(router)
    _add_one(router)


def _add_collection(router: APIRouter) -> None:
    add = partial(router.add_api_route, tags=["webhooks"])
    example = {"value": {"url": "https://receiver.example/darkroom"}}
    add(
        WEBHOOKS_PATH,
        post_webhook,
        methods=["POST"],
        summary="Create a webhook; the secret is shown only once",
        status_code=201,
        responses=merge_responses(
            response(201, "The webhook, with its secret.", _WITH_SECRET),
            problem_responses(400, 401, 413, 415, 422, 429),
        ),
        openapi_extra=request_docs(body={"schema": schema_ref("NewWebhook"), "examples": {"one": example}}),
    )
    add(
        WEBHOOKS_PATH,
        list_webhooks,
        methods=["GET"],
        summary="List your webhooks; with a key that sees all callers, also those of others",
        responses=merge_responses(
            response(200, "All of them.", schema_ref("WebhookPageDocument")), problem_responses(401, 403, 422)
        ),
        openapi_extra=request_docs(
            CALLER,
            query_parameter(
                "all", "Those of all callers that your key sees, each with its caller.", type="boolean"
            ),
            query_parameter("after", "With all=true: the next of the previous page.", type="string"),
            query_parameter(
                "limit",
                "With all=true: webhooks per page.",
                type="integer",
                minimum=1,
                maximum=MAX_PAGE,
                default=PAGE,
            ),
        ),
    )


def _add_one(router: APIRouter) -> None:
    add = partial(router.add_api_route, tags=["webhooks"])
    add(
        WEBHOOK_PATH,
        get_webhook,
        methods=["GET"],
        summary="Get a webhook",
        responses=merge_responses(
            response(200, "The webhook.", _WEBHOOK), problem_responses(401, 403, 404, 422)
        ),
        openapi_extra=request_docs(WEBHOOK_ID, CALLER),
    )
    add(
        WEBHOOK_PATH,
        patch_webhook,
        methods=["PATCH"],
        summary="Change, disable or enable a webhook",
        responses=merge_responses(
            response(200, "The webhook.", _WEBHOOK), problem_responses(400, 401, 404, 409, 413, 415, 422)
        ),
        openapi_extra=request_docs(WEBHOOK_ID, body={"schema": schema_ref("WebhookChange")}),
    )
    add(
        WEBHOOK_PATH,
        delete_webhook,
        methods=["DELETE"],
        summary="Delete a webhook",
        status_code=204,
        responses=merge_responses(
            response(204, "The webhook is deleted.", None), problem_responses(401, 404, 409, 422)
        ),
        openapi_extra=request_docs(WEBHOOK_ID),
    )
    add(
        f"{WEBHOOK_PATH}/rotate",
        rotate_webhook,
        methods=["POST"],
        summary="Create a new secret, shown only once; the previous one signs too for a while",
        responses=merge_responses(
            response(200, "The webhook, with its new secret.", _WITH_SECRET),
            problem_responses(400, 401, 404, 413, 415, 422),
        ),
        openapi_extra=request_docs(WEBHOOK_ID, body={"schema": schema_ref("Rotation")}, body_required=False),
    )
