"""API keys, for admins: list, create, rotate, revoke. A secret is in the response that makes it alone."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response

from api.access.audit import describe_change
from api.access.key_admin import CreatedKey, add_key, create_key, replace_keys
from api.auth import Caller
from api.jobs.caller_scope import callers_in_scope
from api.jobs.schemas import NonBlank, Timestamp
from api.jobs.selection.job_conditions import problem_of_validation
from api.rest.access.sessions import authenticate_admin
from api.rest.openapi.route_docs import (
    add_operation,
    merge_responses,
    path_parameter,
    problem_responses,
    request_docs,
    response,
    schema_ref,
)
from api.web.json_body import read_json
from api.web.problems import invalid_field
from api.web.responses import JsonResponse
from models.api_keys import FROM_SETTINGS, ApiKey, KeyState, Role
from models.errors import Conflict, NotFound
from models.ids import parse_id, public_id
from models.queries.api_keys import list_keys, revoke_keys
from models.queries.callers import list_ids
from models.serializers import moment

_NO_STORE = {"Cache-Control": "no-store"}
_LONGEST_OVERLAP = 365 * 24  # hours
_STRICT = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)


class NewKey(BaseModel):
    """A key to create: of a new caller of its name, or a further one of a caller."""

    model_config = _STRICT

    name: Annotated[str, Field(min_length=1, max_length=100, description="a name for its user"), NonBlank]
    role: Literal["user", "viewer", "reviewer", "operator", "admin"] = "user"
    caller: str | None = Field(
        None, min_length=1, max_length=100, description="name or id of the caller that it is a further key of"
    )
    expires_at: Timestamp = Field(None, description="when it ends, RFC 3339 with offset; null: never")


class KeyRotation(BaseModel):
    """How a key is replaced."""

    model_config = _STRICT

    overlap_hours: float = Field(
        24, ge=0, le=_LONGEST_OVERLAP, description="how long the old key is accepted too; 0: not at all"
    )


class KeyDocument(BaseModel):
    """A key, without its secret."""

    id: str
    object: Literal["key"]
    name: str
    caller: str
    role: Role
    hint: str = Field(description="its first and last characters")
    status: KeyState
    created_at: str
    expires_at: str | None
    last_used_at: str | None


class NewKeyDocument(BaseModel):
    """A new key with its secret, which is not shown again."""

    id: str
    object: Literal["key"]
    name: str
    role: Role
    expires_at: str | None
    key: str = Field(description="the secret, shown only here")


class KeyListDocument(BaseModel):
    """Keys by caller, oldest first."""

    data: list[KeyDocument]


async def get_keys(request: Request) -> Response:
    """Return all keys."""
    services, _ = await authenticate_admin(request)
    async with services.database.reading() as connection:
        found = await list_keys(connection)
    at = services.clock()
    data = [
        {
            "id": public_id("key", key.id),
            "object": "key",
            "name": key.name,
            "caller": key.caller,
            "role": key.role.value,
            "hint": key.key_hint,
            "status": key.state(at).value,
            "created_at": moment(key.created_at),
            "expires_at": moment(key.expires_at),
            "last_used_at": moment(key.last_used_at),
        }
        for key in found
    ]
    return JsonResponse({"data": data}, headers=_NO_STORE)


async def post_key(request: Request) -> Response:
    """Create a key. Raises the 409 problem of a name that is taken, and the 422 problem."""
    services, caller = await authenticate_admin(request)
    _, value = await read_json(request, caller)
    try:
        given = NewKey.model_validate(value)
    except ValidationError as error:
        raise problem_of_validation(error) from error
    if given.name == FROM_SETTINGS or "\0" in given.name:
        raise invalid_field("name", "choose another name")
    if given.expires_at is not None and given.expires_at <= services.clock():
        raise invalid_field("expires_at", "is in the past")
    async with services.database.writing() as connection:
        made = await _create(connection, caller, given)
    return _made(made)


async def _create(connection: AsyncConnection, caller: Caller, given: NewKey) -> CreatedKey:
    role = Role(given.role)
    if given.caller is None:
        if await list_ids(connection, name=given.name):
            raise Conflict(f"There is a caller {given.name!r} already: name it as caller, or rotate one.")
        return await create_key(connection, given.name, role=role, expires_at=given.expires_at)
    owners = await callers_in_scope(connection, caller, given.caller)
    if len(owners) > 1:
        raise invalid_field("caller", "several callers have this name; write its id")
    return await add_key(connection, owners[0], given.name, role=role, expires_at=given.expires_at)


async def rotate_key(request: Request) -> Response:
    """Replace a key by a new one of the same caller, role and lifetime. Raises the 404 and 409 problems."""
    services, caller = await authenticate_admin(request)
    key_id = parse_id("key", request.path_params["key_id"])
    _, value = await read_json(request, caller, optional=True)
    try:
        given = KeyRotation.model_validate(value or {})
    except ValidationError as error:
        raise problem_of_validation(error) from error
    at = services.clock()
    async with services.database.writing() as connection:
        found = [key for key in await list_keys(connection) if key.id == key_id]
        _check_rotatable(found, at)
        overlap = timedelta(hours=given.overlap_hours)
        made = await replace_keys(connection, found, overlap=overlap, at=at)
    services.authenticator.forget()
    return _made(made)


def _check_rotatable(found: list[ApiKey], at: datetime) -> None:
    if not found:
        raise NotFound("There is no key with this id.")
    if found[0].name == FROM_SETTINGS:
        raise Conflict("This key comes from the settings: give its caller another one, then remove it there.")
    if found[0].state(at) not in (KeyState.READY, KeyState.EXPIRED):
        raise Conflict(f"The key is {found[0].state(at).value}; create a new one.")


async def revoke_key(request: Request) -> Response:
    """Revoke a key; its sessions end with it. Queued jobs of a caller without a usable key wait."""
    services, _ = await authenticate_admin(request)
    key_id = parse_id("key", request.path_params["key_id"])
    async with services.database.writing() as connection:
        if not await revoke_keys(connection, [key_id], at=services.clock()):
            raise NotFound("There is no key with this id that could be revoked.")
        describe_change(
            target=public_id("key", key_id), count=1, before={"state": "ready"}, after={"state": "revoked"}
        )
    services.authenticator.forget()
    return JsonResponse({"id": public_id("key", key_id), "revoked": True}, headers=_NO_STORE)


def _made(made: CreatedKey) -> Response:
    content = {
        "id": public_id("key", made.id),
        "object": "key",
        "name": made.name,
        "role": made.role.value,
        "expires_at": moment(made.expires_at),
        "key": made.key,
    }
    return JsonResponse(content, 201, headers=_NO_STORE)


def add_routes(router: APIRouter) -> None:
    """Add the routes."""
    key_id = path_parameter("key_id", "Its id.")
    made = response(201, "The key, with its secret.", schema_ref("NewKeyDocument"))
    for method, path, handler, summary, responses, documented in (
        (
            "GET",
            "/v1/keys",
            get_keys,
            "List the keys, without their secrets (admin keys)",
            merge_responses(
                response(200, "The keys.", schema_ref("KeyListDocument")), problem_responses(401, 403)
            ),
            request_docs(),
        ),
        (
            "POST",
            "/v1/keys",
            post_key,
            "Create a key; its secret is shown only once (admin keys)",
            merge_responses(made, problem_responses(400, 401, 403, 409, 413, 422)),
            request_docs(body={"schema": schema_ref("NewKey")}),
        ),
        (
            "POST",
            "/v1/keys/{key_id}/rotate",
            rotate_key,
            "Replace a key by a new one, whose secret is shown only once (admin keys)",
            merge_responses(made, problem_responses(400, 401, 403, 404, 409, 413, 422)),
            request_docs(key_id, body={"schema": schema_ref("KeyRotation")}, body_required=False),
        ),
        (
            "POST",
            "/v1/keys/{key_id}/revoke",
            revoke_key,
            "Revoke a key (admin keys)",
            merge_responses(
                response(200, "It is done.", {"type": "object"}), problem_responses(401, 403, 404)
            ),
            request_docs(key_id),
        ),
    ):
        add_operation(router, method, path, handler, summary, responses, documented)
