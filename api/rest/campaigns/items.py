"""Items of a campaign: a page by the filter, and those of one key with all their takes."""

from datetime import UTC, datetime

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from api.auth import authenticate
from api.campaigns.documents import items_document_page, takes_document
from api.campaigns.lookup import get_named
from api.campaigns.selection import EPOCH, MICROSECOND, read_cursor, write_cursor
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
from models.integrity.bounds import check_time
from models.queries.campaigns.items import items_of_key, list_ended, list_items

PAGE, LONGEST_PAGE = 60, 500
_PARAMETERS = frozenset({*MEMBERS, "before", "ended_after", "limit"})


async def get_items(request: Request) -> Response:
    """Return a page of items in the order of their rows; with ``ended_after``, in that of their ends."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    query = read_query(request, _PARAMETERS)
    limit = read_integer(query, "limit", default=PAGE, least=1, most=LONGEST_PAGE) or PAGE
    after = read_cursor(read_text(query, "before", longest=64))
    ended_after = _read_time(read_text(query, "ended_after", longest=64))
    given = {name: request.query_params.getlist(name) for name in MEMBERS if query.get(name)}
    wanted = parse_filter(given)
    async with services.database.reading() as connection:
        campaign = await get_named(connection, caller, read_name(request))
        if ended_after is None:
            found = await list_items(connection, campaign.id, wanted, after=after, limit=limit + 1)
        else:
            last = (EPOCH + after[0] * MICROSECOND, after[1]) if after else None
            found = await list_ended(
                connection, campaign.id, wanted, ended_after=ended_after, after=last, limit=limit + 1
            )
        data = await items_document_page(services, connection, found[:limit])
    following = write_cursor(found[limit - 1], by_end=ended_after is not None) if len(found) > limit else None
    return JsonResponse({"data": data, "next": following}, headers=NO_STORE)


def _read_time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is None:
            raise ValueError("has no offset")
        return check_time(time.astimezone(UTC))
    except (ValueError, OverflowError) as error:
        raise invalid_field("ended_after", "write a time such as 2026-01-31T18:00:00Z (RFC 3339)") from error


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
                "ended_after",
                "Only items whose newest take ended after this time (RFC 3339), in the order of their ends.",
                type="string",
                format="date-time",
            ),
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
