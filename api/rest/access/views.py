"""Saved views of lists: the caller's own; list, save, delete."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from api.auth import authenticate
from api.jobs.schemas import NonBlank
from api.jobs.selection.job_conditions import problem_of_validation
from api.rest.openapi.route_docs import (
    add_operation,
    merge_responses,
    path_parameter,
    problem_responses,
    query_parameter,
    request_docs,
    response,
    schema_ref,
)
from api.rest.parameters import read_query, read_words
from api.services import services_of
from api.web.json_body import read_json
from api.web.problems import invalid_field, not_found
from api.web.responses import JsonResponse
from models.clock import rfc3339
from models.queries.dashboard.saved_views import VIEWS_PER_PAGE, delete_view, list_views, save_view

PAGES = ("jobs", "gallery")
_NO_STORE = {"Cache-Control": "no-store"}


def _without_nul(value: str) -> str:
    if "\0" in value:
        raise ValueError("must have no NUL character")
    return value


_Text = AfterValidator(_without_nul)


class SavedView(BaseModel):
    """A view to save; one of the same page and name is replaced."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)

    page: Literal["jobs", "gallery"]
    name: Annotated[str, Field(min_length=1, max_length=60), NonBlank, _Text]
    query: Annotated[str, Field(max_length=4000, description="parameters: status=failed&model=x"), _Text]


class SavedViewDocument(SavedView):
    """A saved view."""

    updated_at: str


class SavedViewListDocument(BaseModel):
    """Saved views by page and name."""

    data: list[SavedViewDocument]


async def get_views(request: Request) -> Response:
    """Return the caller's views."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    pages = read_words(read_query(request, frozenset({"page"})), "page", known=PAGES)
    async with services.database.reading() as connection:
        found = await list_views(connection, caller.id, pages[0] if len(pages) == 1 else None)
    return JsonResponse({"data": [_document(row) for row in found]}, headers=_NO_STORE)


async def post_view(request: Request) -> Response:
    """Save a view. Raises the 422 problem."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    _, value = await read_json(request, caller)
    try:
        given = SavedView.model_validate(value)
    except ValidationError as error:
        raise problem_of_validation(error) from error
    at = services.clock()
    async with services.database.writing() as connection:
        values = {"page": given.page, "name": given.name, "query": given.query}
        if not await save_view(connection, caller.id, **values, at=at):
            raise invalid_field("name", f"{VIEWS_PER_PAGE} views are saved already; delete one first")
    return JsonResponse({**values, "updated_at": rfc3339(at)}, headers=_NO_STORE)


async def remove_view(request: Request) -> Response:
    """Delete a view. Raises the 404 problem."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    page, name = request.path_params["page"], request.path_params["name"]
    async with services.database.writing() as connection:
        if not await delete_view(connection, caller.id, page=page, name=name):
            raise not_found("There is no such view.")
    return Response(status_code=204, headers=_NO_STORE)


def _document(row: Any) -> dict[str, Any]:
    return {"page": row.page, "name": row.name, "query": row.query, "updated_at": rfc3339(row.updated_at)}


def add_routes(router: APIRouter) -> None:
    """Add the routes."""
    add_operation(
        router,
        "GET",
        "/v1/views",
        get_views,
        "List your saved views of the dashboard's lists",
        merge_responses(
            response(200, "The views.", schema_ref("SavedViewListDocument")), problem_responses(401, 422)
        ),
        request_docs(query_parameter("page", f"Only of one page: {' or '.join(PAGES)}.", type="string")),
    )
    add_operation(
        router,
        "POST",
        "/v1/views",
        post_view,
        "Save a view, or replace one of the same name",
        merge_responses(
            response(200, "The view.", schema_ref("SavedViewDocument")),
            problem_responses(400, 401, 413, 422),
        ),
        request_docs(body={"schema": schema_ref("SavedView")}),
    )
    add_operation(
        router,
        "DELETE",
        "/v1/views/{page}/{name:path}",
        remove_view,
        "Delete a saved view",
        merge_responses(response(204, "It is deleted.", None), problem_responses(401, 404)),
        request_docs(
            path_parameter("page", "Page of the view."), path_parameter("name", "Name of the view.")
        ),
    )
