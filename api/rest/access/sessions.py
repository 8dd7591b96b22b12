"""Sessions of browsers, for admins: list them, end one."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from api.access.audit import describe_change
from api.access.roles import forbidden
from api.auth import Caller, authenticate
from api.rest.openapi.route_docs import (
    add_operation,
    merge_responses,
    path_parameter,
    problem_responses,
    request_docs,
    response,
    schema_ref,
)
from api.services import ApiServices, services_of
from api.web.responses import JsonResponse
from models.api_keys import Role
from models.clock import rfc3339
from models.errors import NotFound
from models.ids import parse_id, public_id
from models.queries.dashboard.sessions import end_sessions
from models.queries.dashboard.sessions import list_sessions as open_sessions

_NO_STORE = {"Cache-Control": "no-store"}


async def list_sessions(request: Request) -> Response:
    """Return the open sessions, newest first."""
    services, _ = await authenticate_admin(request)
    async with services.database.reading() as connection:
        rows = await open_sessions(connection, services.clock())
    return JsonResponse({"data": [session_view(row) for row in rows]}, headers=_NO_STORE)


async def end_session(request: Request) -> Response:
    """End a session; its browser is logged out within seconds."""
    services, _ = await authenticate_admin(request)
    session_id = parse_id("session", request.path_params["session_id"])
    async with services.database.writing() as connection:
        if not await end_sessions(connection, services.clock(), session_id=session_id):
            raise NotFound("There is no open session with this id.")
        describe_change(target=public_id("session", session_id), count=1, after={"state": "ended"})
    services.sessions.forget()
    return JsonResponse({"id": public_id("session", session_id), "ended": True}, headers=_NO_STORE)


async def authenticate_admin(request: Request) -> tuple[ApiServices, Caller]:
    """Return the services and the caller of a request with an admin's key. Raises the 403 problem."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    if caller.role is not Role.ADMIN:
        raise forbidden(caller.role, Role.ADMIN)
    return services, caller


def session_view(row: Any) -> dict[str, Any]:
    """Return a session as JSON."""
    return {
        "id": public_id("session", row.id),
        "object": "session",
        "caller": row.caller,
        "key": row.key_name,
        "role": row.role,
        "browser": row.browser,
        "created_at": rfc3339(row.created_at),
        "expires_at": rfc3339(row.expires_at),
    }


class SessionDocument(BaseModel):
    """A browser that is logged in to the dashboard."""

    id: str
    object: str
    caller: str
    key: str
    role: str
    browser: str
    created_at: str
    expires_at: str


class SessionPageDocument(BaseModel):
    """Open sessions."""

    data: list[SessionDocument]


def add_routes(router: APIRouter) -> None:
    """Add the routes."""
    add_operation(
        router,
        "GET",
        "/v1/sessions",
        list_sessions,
        "List the open sessions of the dashboard (admin keys)",
        merge_responses(
            response(200, "The sessions.", schema_ref("SessionPageDocument")), problem_responses(401, 403)
        ),
        request_docs(),
    )
    add_operation(
        router,
        "POST",
        "/v1/sessions/{session_id}/end",
        end_session,
        "End a session (admin keys)",
        merge_responses(response(200, "It is done.", {"type": "object"}), problem_responses(401, 403, 404)),
        request_docs(path_parameter("session_id", "Its id.")),
    )
