"""Exports of campaigns: create, status, and the content with ranges."""

from typing import Any

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from api.auth import authenticate
from api.campaigns.exports import (
    check_downloadable,
    create_export,
    export_document,
    get_export,
    list_page,
)
from api.jobs.validation import rejection_of
from api.rest.campaigns.routing import NAME, NO_STORE, ONE, add_route, read_name
from api.rest.campaigns.schemas import ExportRequest
from api.rest.openapi.route_docs import (
    header_parameter,
    merge_responses,
    path_parameter,
    problem_responses,
    query_parameter,
    request_docs,
    response,
    schema_ref,
)
from api.rest.parameters import read_integer, read_query, read_text
from api.services import services_of
from api.web.byte_ranges import requested_range
from api.web.json_body import read_json
from api.web.problems import Problem, invalid_field, not_found
from api.web.responses import JsonResponse, matches_etag, prepend
from models.campaigns.export_options import ExportFormat, ExportOptions
from models.campaigns.item_filter import parse_filter
from models.campaigns.spec import LONGEST_NAME
from models.errors import NotFound
from models.ids import parse_id, public_id
from worker.exports.build import INDEX, objects_of
from worker.exports.segments import read_content

_EXPORTS = "/v1/exports"
_EXPORT = f"{_EXPORTS}/{{export_id}}"
PAGE, LONGEST_PAGE = 60, 200
_PARAMETERS = frozenset({"campaign", "before", "limit"})
_ID = path_parameter("export_id", "Id of the export: export_…, or a unique beginning of it.")


def _read_options(value: Any) -> ExportOptions:
    try:
        given = ExportRequest.model_validate(value)
    except ValidationError as error:
        rejection = rejection_of(error)
        raise Problem(422, rejection.code, rejection.message, errors=rejection.errors) from error
    return ExportOptions(
        format=ExportFormat(given.format),
        filter=parse_filter(given.filter or {}, prefix="filter."),
        names=given.names,
        marking=given.marking,
        destination=given.destination,
    )


async def post_export(request: Request) -> Response:
    """Create an export; workers prepare it."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    options = _read_options((await read_json(request, caller))[1])
    row = await create_export(services, caller, read_name(request), options)
    content = export_document(services, row)
    return JsonResponse(content, 202, headers=NO_STORE | {"Location": content["links"]["self"]})


async def read_export(request: Request) -> Response:
    """Return the state of an export."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    row = await get_export(services, caller, request.path_params["export_id"])
    return JsonResponse(export_document(services, row), headers=NO_STORE)


async def get_page(request: Request) -> Response:
    """Return a page of exports, newest first."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    query = read_query(request, _PARAMETERS)
    limit = read_integer(query, "limit", default=PAGE, least=1, most=LONGEST_PAGE) or PAGE
    before = read_text(query, "before", longest=64)
    try:
        key = parse_id("export", before) if before else None
    except NotFound as error:
        raise invalid_field("before", "must be `next` of the page before") from error
    campaign = read_text(query, "campaign", longest=LONGEST_NAME)
    found = await list_page(services, caller, campaign=campaign, before=key, limit=limit + 1)
    following = found[limit - 1]["id"] if len(found) > limit else None
    return JsonResponse({"data": found[:limit], "next": following}, headers=NO_STORE)


async def get_content(request: Request) -> Response:
    """Return the content of an export, or a range of it; the same export has the same bytes."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    row = await get_export(services, caller, request.path_params["export_id"])
    size = check_downloadable(row)
    etag = f'"{row.build.hex}"'
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Type": "application/zip",
        "Content-Disposition": f'attachment; filename="{public_id("export", row.id)}.zip"',
        "X-Content-Type-Options": "nosniff",
    }
    if matches_etag(request, etag):
        return Response(status_code=304, headers=headers)
    wanted = requested_range(request, etag, size, headers={"Accept-Ranges": "bytes"})
    start, end = wanted or (0, size)
    headers["Content-Length"] = str(end - start)
    if wanted:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    status = 206 if wanted else 200
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    index = f"{objects_of(row.id)}{row.build.hex}/{INDEX}"
    stream = read_content(services.store, index, start, end)
    try:
        first = await anext(stream)  # read here, so that a missing object is still a 404
    except NotFound as error:
        raise not_found("A file of this export is gone from the storage; make a new export.") from error
    return StreamingResponse(prepend(first, stream), status, headers=headers)


def add_routes(router: APIRouter) -> None:
    """Add the routes."""
    body = {"schema": schema_ref("ExportRequest")}
    made = response(202, "The export; workers prepare it.", schema_ref("ExportDocument"))
    add_route(
        router,
        "POST",
        f"{ONE}/exports",
        post_export,
        "Export the pictures of a campaign",
        merge_responses(made, problem_responses(400, 401, 404, 409, 413, 415, 422, 429)),
        request_docs(NAME, body=body),
    )
    page = response(200, "A page of exports.", schema_ref("ExportPageDocument"))
    add_route(
        router,
        "GET",
        _EXPORTS,
        get_page,
        "List exports",
        merge_responses(page, problem_responses(401, 404, 422)),
        request_docs(
            query_parameter("campaign", "Id or name of a campaign.", type="string", maxLength=LONGEST_NAME),
            query_parameter("before", "Cursor: `next` of the previous page.", type="string", maxLength=64),
            query_parameter(
                "limit", "Exports per page.", type="integer", minimum=1, maximum=LONGEST_PAGE, default=PAGE
            ),
        ),
    )
    found = response(200, "The export.", schema_ref("ExportDocument"))
    add_route(
        router,
        "GET",
        _EXPORT,
        read_export,
        "Get an export",
        merge_responses(found, problem_responses(401, 404, 422)),
        request_docs(_ID),
    )
    binary = {"type": "string", "format": "binary"}
    add_route(
        router,
        "GET",
        f"{_EXPORT}/content",
        get_content,
        "Download an export: a ZIP, as a whole or from where an earlier download ended",
        merge_responses(
            response(200, "The content.", binary, media_type="application/zip"),
            response(206, "The requested range of the content.", binary, media_type="application/zip"),
            response(304, "The content has the ETag in If-None-Match.", None),
            problem_responses(401, 404, 409, 410, 416, 422, 503),
        ),
        request_docs(
            _ID,
            header_parameter("Range", "bytes=FIRST-LAST", type="string"),
            header_parameter("If-Range", "ETag of an earlier response.", type="string"),
            header_parameter("If-None-Match", "ETag of an earlier response.", type="string"),
        ),
    )
    router.add_api_route(f"{_EXPORT}/content", get_content, methods=["HEAD"], include_in_schema=False)
