"""Notices: alerts that hold, for administrators; and their acknowledgement."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Caller, authenticate
from api.rest.openapi.route_docs import (
    merge_responses,
    path_parameter,
    problem_responses,
    query_parameter,
    request_docs,
    response,
    schema_ref,
)
from api.rest.parameters import read_boolean, read_query
from api.services import ApiServices, services_of
from api.web.problems import Problem, not_found
from api.web.responses import JsonResponse
from models.api_keys import Role
from models.ids import parse_id
from models.queries.operations.notices import acknowledge, list_notices, notice_view

_NO_STORE = {"Cache-Control": "no-store"}


async def get_notices(request: Request) -> Response:
    """Return the alerts that hold; with ``ended=true`` those that have ended, too."""
    services, _ = await _administrator(request)
    ended = read_boolean(read_query(request, frozenset({"ended"})), "ended")
    async with services.database.reading() as connection:
        found = await list_notices(connection, ended=ended)
    return JsonResponse({"data": [notice_view(each) for each in found]}, headers=_NO_STORE)


async def acknowledge_notice(request: Request) -> Response:
    """Note that a person has seen an alert: it is not told any more until it has ended."""
    services, caller = await _administrator(request)
    notice_id = parse_id("notice", request.path_params["notice_id"])
    async with services.database.writing() as connection:
        found = await acknowledge(connection, notice_id, by=caller.by, at=services.clock())
    if found is None:
        raise not_found(f"There is no notice {request.path_params['notice_id']!r}.")
    return JsonResponse(notice_view(found), headers=_NO_STORE)


async def _administrator(request: Request) -> tuple[ApiServices, Caller]:
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    if caller.role is not Role.ADMIN:
        raise Problem(403, "forbidden", "Notices need an admin's key.")
    return services, caller


def add_routes(router: APIRouter) -> None:
    """Add the routes."""
    router.add_api_route(
        "/v1/notices",
        get_notices,
        methods=["GET"],
        tags=["operations"],
        summary="List the alerts that hold",
        responses=merge_responses(
            response(200, "The notices, newest first.", schema_ref("NoticeListDocument")),
            problem_responses(401, 403, 422),
        ),
        openapi_extra=request_docs(
            query_parameter("ended", "Also those that have ended.", type="boolean", default=False)
        ),
    )
    router.add_api_route(
        "/v1/notices/{notice_id}/acknowledge",
        acknowledge_notice,
        methods=["POST"],
        tags=["operations"],
        summary="Acknowledge an alert: it is not told again until it has ended",
        responses=merge_responses(
            response(200, "The notice.", schema_ref("NoticeDocument")), problem_responses(401, 403, 404)
        ),
        openapi_extra=request_docs(path_parameter("notice_id", "Id of the notice: notice_….")),
    )
