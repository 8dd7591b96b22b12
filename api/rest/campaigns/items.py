"""Items of a campaign: a page by the filter, and those of one key with all their takes."""

from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from api.auth import authenticate
from api.campaigns.documents import item_document, takes_document
from api.campaigns.lookup import get_named
from api.rest.campaigns.routing import NAME, NO_STORE, ONE, add_route, read_name
from api.rest.openapi.route_docs import (
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
from api.web.problems import invalid_field, not_found
from api.web.responses import JsonResponse
from models.campaigns.item_filter import MEMBERS, parse_filter
from models.errors import NotFound
from models.ids import parse_id, public_id
from models.queries.campaigns.items import items_of_key, list_items

PAGE, LONGEST_PAGE = 60, 500
_PARAMETERS = frozenset({*MEMBERS, "before", "limit"})


async def get_items(request: Request) -> Response:
    """Return a page of items in the order of their rows and variants."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    query = read_query(request, _PARAMETERS)
    limit = read_integer(query, "limit", default=PAGE, least=1, most=LONGEST_PAGE) or PAGE
    after = _read_cursor(read_text(query, "before", longest=64))
    given = {name: request.query_params.getlist(name) for name in MEMBERS if query.get(name)}
    wanted = parse_filter(given)
    async with services.database.reading() as connection:
        campaign = await get_named(connection, caller, read_name(request))
        found = await list_items(connection, campaign.id, wanted, after=after, limit=limit + 1)
    page = found[:limit]
    following = f"{page[-1].position}_{public_id('item', page[-1].id)}" if len(found) > limit else None
    data = [{**item_document(row), "model": row.model} for row in page]
    return JsonResponse({"data": data, "next": following}, headers=NO_STORE)


def _read_cursor(text: str | None) -> tuple[int, UUID] | None:
    if text is None:
        return None
    position, _, key = text.partition("_")
    try:
        if position.isascii() and position.isdigit() and len(position) < 19:
            return int(position), parse_id("item", key)
    except NotFound:
        pass
    raise invalid_field("before", "must be `next` of the page before")


async def get_item(request: Request) -> Response:
    """Return the items of one row, by variant, with takes and assets."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    key: str = request.path_params["key"]
    async with services.database.reading() as connection:
        campaign = await get_named(connection, caller, read_name(request))
        found = [] if "\0" in key else await items_of_key(connection, campaign.id, key)
        if not found:
            raise not_found(f"The campaign has no item with the key {key[:128]!r}.")
        data = await takes_document(services, connection, found)
    return JsonResponse({"data": data}, headers=NO_STORE)


def add_routes(router: APIRouter) -> None:
    """Add the routes."""
    page = response(200, "A page of items.", schema_ref("ItemPageDocument"))
    filters = [
        query_parameter(name, f"Only items with this {name}; may be given several times.", type="string")
        for name in MEMBERS
    ]
    add_route(
        router,
        "GET",
        f"{ONE}/items",
        get_items,
        "List the items of a campaign",
        merge_responses(page, problem_responses(401, 404, 422)),
        request_docs(
            NAME,
            *filters,
            query_parameter("before", "Cursor: `next` of the previous page.", type="string", maxLength=64),
            query_parameter(
                "limit", "Items per page.", type="integer", minimum=1, maximum=LONGEST_PAGE, default=PAGE
            ),
        ),
    )
    one = response(200, "The items of the row.", schema_ref("ItemsOfKeyDocument"))
    add_route(
        router,
        "GET",
        f"{ONE}/items/{{key:path}}",
        get_item,
        "Get the items of one row, with all takes",
        merge_responses(one, problem_responses(401, 404, 422)),
        request_docs(NAME, path_parameter("key", "Key of the row.")),
    )
