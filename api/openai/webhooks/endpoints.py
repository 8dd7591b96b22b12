"""Webhook endpoints in OpenAI's shape: create, list, read, change, delete, rotate the secret, event types."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response

from api.ceilings import limit_reached
from api.jobs.schemas import check_web_url
from api.jobs.validation import check_webhook_url
from api.openai.context import authenticated, json_context
from api.openai.pages import page_document, read_page
from api.services import ApiServices
from api.web.responses import JsonResponse
from models.credentials.encryption import SecretCipher, UnreadableSecret
from models.errors import InvalidRequest, NotFound
from models.ids import new_id, parse_id, public_id
from models.queries.callers import lock_submits
from models.queries.webhooks.deliveries import redirect_pending, stop_endpoint
from models.queries.webhooks.endpoints import (
    change_endpoint,
    count_endpoints,
    find_endpoint,
    insert_endpoint,
    list_endpoints,
)
from models.queries.webhooks.outbox import host_of
from models.webhook_events import JOB_EVENTS, OPENAI_EVENTS
from worker.webhooks.signature import OVERLAP, hint_of_secret, new_secret

EVENTS = tuple(sorted(each.value for each in JOB_EVENTS | OPENAI_EVENTS))
"""Events that are sent; OpenAI has others, which Darkroom has no cause for."""

_LONGEST_NAME = 200  # characters
_PAGE = 100
_KEEP = "keep_old_secret_active_for_24_hours"
_NO_STORE = {"Cache-Control": "no-store"}


async def post_endpoint(request: Request) -> Response:
    """Create an endpoint; the response is the only one that shows its secret."""
    context, members = await json_context(request, images=False)
    services, caller, secret = context.services, context.caller, new_secret()
    given = _changes(members, services, required=True)
    row = {
        "id": new_id(),
        "caller_id": caller.id,
        **given,
        "secret": services.cipher.encrypt(secret),
        "previous_until": None,
        "created_at": context.at,
        "disabled_at": None,
        "disabled_reason": None,
    }
    async with services.database.writing() as connection:
        await lock_submits(connection, caller.id)
        if await count_endpoints(connection, caller.id) >= (most := services.settings.webhook_endpoints):
            raise limit_reached("webhooks", most, "webhook_endpoints")
        await insert_endpoint(connection, row)
    return _answer(SimpleNamespace(**row), services.cipher, secret)


async def get_endpoints(request: Request) -> Response:
    """Return a page of the caller's endpoints, the oldest first."""
    services, caller = await authenticated(request)
    page = read_page(request, default=20, most=_PAGE)
    async with services.database.reading() as connection:
        rows = await list_endpoints(connection, caller.id)
    if page.after is not None:
        after = _parse(page.after)
        rows = [row for row in rows if row.id > after]
    found = [endpoint_document(row, services.cipher) for row in rows[: page.limit + 1]]
    return JsonResponse(page_document(found, page.limit), headers=_NO_STORE)


async def get_endpoint(request: Request) -> Response:
    """Return an endpoint."""
    services, caller = await authenticated(request)
    async with services.database.writing() as connection:
        row = await own_endpoint(connection, request, caller.id)
    return _answer(row, services.cipher)


async def change(request: Request) -> Response:
    """Change an endpoint; members that are not given stay."""
    context, members = await json_context(request, images=False)
    services = context.services
    changes = _changes(members, services, required=False)
    async with services.database.writing() as connection:
        row = await own_endpoint(connection, request, context.caller.id)
        if changes:
            await change_endpoint(connection, row.id, changes)
        if url := changes.get("url"):
            await redirect_pending(connection, row.id, url=url, host=host_of(url))
        row = await own_endpoint(connection, request, context.caller.id)
    return _answer(row, services.cipher)


async def remove(request: Request) -> Response:
    """Delete an endpoint, and stop its pending deliveries."""
    services, caller = await authenticated(request)
    at = services.clock()
    async with services.database.writing() as connection:
        row = await own_endpoint(connection, request, caller.id)
        await change_endpoint(connection, row.id, {"deleted_at": at})
        await stop_endpoint(connection, row.id, at)
    content = {"id": public_id("webhook", row.id), "object": "webhook_endpoint.deleted", "deleted": True}
    return JsonResponse(content, headers=_NO_STORE)


async def rotate_secret(request: Request) -> Response:
    """Give an endpoint a new secret; the old one signs for another day if that is asked for."""
    context, members = await json_context(request, images=False)
    services, at, secret = context.services, context.at, new_secret()
    keep = members.get(_KEEP, False)
    if not isinstance(keep, bool):
        raise InvalidRequest(_KEEP, "must be true or false")
    async with services.database.writing() as connection:
        row = await own_endpoint(connection, request, context.caller.id)
        changes = {
            "secret": services.cipher.encrypt(secret),
            "previous_secret": row.secret if keep else None,
            "previous_until": at + OVERLAP if keep else None,
        }
        await change_endpoint(connection, row.id, changes)
    return _answer(row, services.cipher, secret)


async def get_event_types(request: Request) -> Response:
    """Return the events to which an endpoint may subscribe."""
    await authenticated(request)
    return JsonResponse({"object": "list", "data": list(EVENTS)}, headers=_NO_STORE)


def endpoint_document(row: Any, cipher: SecretCipher, secret: str | None = None) -> dict[str, Any]:
    """Return an endpoint; ``secret`` only in the response that creates or rotates it."""
    document = {
        "id": public_id("webhook", row.id),
        "object": "webhook_endpoint",
        "created_at": int(row.created_at.timestamp()),
        "name": row.description,
        "url": row.url,
        "event_types": row.events,
        "signing_secret_hint": hint_of_secret(secret) if secret else _hint(row.secret, cipher),
    }
    return document if secret is None else {**document, "signing_secret": secret}


async def own_endpoint(connection: AsyncConnection, request: Request, caller_id: UUID) -> Row[Any]:
    """Return the endpoint in the path, locked for this transaction. Raises ``NotFound``."""
    text = request.path_params["endpoint_id"]
    row = await find_endpoint(connection, _parse(text), caller_id=caller_id)
    if row is None:
        raise NotFound(f"No such webhook endpoint: {text[:64]}")
    return row


def event_of(value: Any, field: str) -> str:
    """Return a name of an event. Raises ``InvalidRequest``."""
    if value not in EVENTS:
        raise InvalidRequest(field, f"must be one of {', '.join(EVENTS)}, not {str(value)[:100]!r}")
    return str(value)


def _answer(row: Any, cipher: SecretCipher, secret: str | None = None) -> Response:
    return JsonResponse(endpoint_document(row, cipher, secret), headers=_NO_STORE)


def _changes(members: Mapping[str, Any], services: ApiServices, *, required: bool) -> dict[str, Any]:
    """Return the columns that the members of a body set. Raises ``InvalidRequest``."""
    found: dict[str, Any] = {}
    if required or "name" in members:
        name = members.get("name")
        if not isinstance(name, str) or not name.strip() or len(name) > _LONGEST_NAME:
            words = "is required" if name is None else "can't be used"
            raise InvalidRequest("name", f"{words}: a text of at most {_LONGEST_NAME} characters")
        found["description"] = name
    if required or "url" in members:
        url = members.get("url")
        try:
            found["url"] = check_web_url(url if isinstance(url, str) else "")
        except ValueError as error:
            raise InvalidRequest("url", str(error)) from error
        check_webhook_url("url", found["url"], services.settings)
    if required or "event_types" in members:
        events = members.get("event_types")
        if not isinstance(events, list) or not events:
            words = "is required" if events is None else "can't be used"
            raise InvalidRequest("event_types", f"{words}: a list of at least one event")
        found["events"] = sorted({event_of(each, "event_types") for each in events})
    return found


def _hint(stored: str, cipher: SecretCipher) -> str | None:
    try:
        return hint_of_secret(cipher.decrypt(stored))
    except UnreadableSecret:
        return None


def _parse(text: str) -> UUID:
    try:
        return parse_id("webhook", text)
    except NotFound as error:
        raise NotFound(f"No such webhook endpoint: {text[:64]}") from error
