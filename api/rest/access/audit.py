"""The audit log, for operators and admins."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from api.access.audit_log import LONGEST_FILTER, READERS, entry_view, read_audit
from api.access.roles import forbidden
from api.auth import authenticate
from api.rest.openapi.route_docs import (
    add_operation,
    merge_responses,
    problem_responses,
    query_parameter,
    request_docs,
    response,
    schema_ref,
)
from api.rest.parameters import read_integer, read_query, read_text
from api.services import services_of
from api.web.responses import JsonResponse

_LAST_ID = 2**63 - 1
MAX_PAGE = 200  #: entries
PAGE = 50  #: entries, unless the caller says otherwise
_PARAMETERS = frozenset({"by", "target", "before", "limit"})


async def get_audit(request: Request) -> Response:
    """Return a page of the log, newest first."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    if not caller.role.reaches(READERS):
        raise forbidden(caller.role, READERS)
    query = read_query(request, _PARAMETERS)
    limit = read_integer(query, "limit", default=PAGE, least=1, most=MAX_PAGE) or PAGE
    before = read_integer(query, "before", default=None, most=_LAST_ID)
    by, target = (read_text(query, name, longest=LONGEST_FILTER) for name in ("by", "target"))
    async with services.database.reading() as connection:
        found = await read_audit(connection, limit=limit, before=before, by=by, target=target)
    content = {
        "data": [entry_view(entry) for entry in found.entries],
        "next": None if found.following is None else str(found.following),
    }
    return JsonResponse(content, headers={"Cache-Control": "no-store"})


class AuditEntryDocument(BaseModel):
    """A change: who made it, through what, and how it was before and after."""

    id: str
    object: str
    at: str
    by: str = Field(description="name of the caller, or of the user of the command line")
    role: str
    through: str = Field(description="api, dashboard or command line")
    action: str = Field(description="method and route, or the command")
    target: str = Field(description="what was changed; empty: several")
    filter: Any = Field(description="which ones, of a change of several")
    count: int | None
    before: Any
    after: Any
    request_id: str


class AuditPageDocument(BaseModel):
    """Entries, newest first."""

    data: list[AuditEntryDocument]
    next: str | None = Field(description="the value of `before` for the next page; null: there is none")


def add_routes(router: APIRouter) -> None:
    """Add the route."""
    text = {"type": "string", "maxLength": LONGEST_FILTER}
    add_operation(
        router,
        "GET",
        "/v1/audit",
        get_audit,
        "List who changed what, newest first (operators)",
        merge_responses(
            response(200, "A page.", schema_ref("AuditPageDocument")), problem_responses(401, 403, 422)
        ),
        request_docs(
            query_parameter("by", "Only of this caller, or user of the command line.", **text),
            query_parameter("target", "Only about this job, campaign, channel, key …", **text),
            query_parameter("before", "The `next` of the page before.", type="string"),
            query_parameter("limit", "Entries.", type="integer", minimum=1, maximum=MAX_PAGE, default=PAGE),
        ),
    )
