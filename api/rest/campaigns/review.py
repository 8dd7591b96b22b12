"""Review of a campaign: verdicts, their undo, and the next item without one."""

from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field, ValidationError, model_validator
from starlette.requests import Request
from starlette.responses import Response

from api.auth import authenticate
from api.campaigns.review import VerdictRequest, give_verdicts, next_item, undo_last
from api.campaigns.selection import GivenItems
from api.jobs.selection.job_conditions import problem_of_validation
from api.rest.campaigns.repair import ITEMS, ItemAction, Name
from api.rest.campaigns.routing import NAME, NO_STORE, ONE, add_route, read_name
from api.rest.openapi.route_docs import (
    merge_responses,
    problem_responses,
    query_parameter,
    request_docs,
    response,
    schema_ref,
)
from api.rest.parameters import read_query, read_text
from api.services import services_of
from api.web.json_body import read_json
from api.web.responses import JsonResponse


class ItemVerdict(ItemAction):
    """A verdict on items with a picture: exactly one of ``items`` and ``filter``."""

    items: list[Name] | None = ITEMS
    verdict: Literal["pick", "reject", "none"] = Field(description="none: back to unjudged")
    reason: str | None = Field(None, max_length=500)

    @model_validator(mode="after")
    def _either(self) -> "ItemVerdict":
        if (self.items is None) == (self.filter is None):
            raise ValueError("give either items or filter")
        return self

    def to_request(self) -> VerdictRequest:
        """Return the request. Raises ``InvalidRequest``."""
        return VerdictRequest(
            given=GivenItems(self.items, self.to_filter()),
            verdict=self.verdict,
            reason=self.reason,
            dry_run=self.dry_run,
            expected_count=self.expected_count,
        )


class ReviewDocument(BaseModel):
    """The next item to decide about, with its takes."""

    item: dict[str, Any] | None = Field(description="null: none is left that nobody else has")
    claimed_until: str | None = Field(description="until then no other key is given it")
    unjudged: int = Field(description="items with a picture and without a verdict")


async def post_verdicts(request: Request) -> Response:
    """Add verdicts; the reviewer is the key."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    _, value = await read_json(request, caller)
    try:
        wanted = ItemVerdict.model_validate(value).to_request()
    except ValidationError as error:
        raise problem_of_validation(error) from error
    made = await give_verdicts(services, caller, read_name(request), wanted)
    return JsonResponse(made, headers=NO_STORE)


async def undo_verdicts(request: Request) -> Response:
    """Undo the last verdicts of the key; each further request those before."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    return JsonResponse(await undo_last(services, caller, read_name(request)), headers=NO_STORE)


async def get_next(request: Request) -> Response:
    """Return the next item to decide about."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    after = read_text(read_query(request, frozenset({"after"})), "after", longest=64)
    found = await next_item(services, caller, read_name(request), after)
    return JsonResponse(found, headers=NO_STORE)


def add_routes(router: APIRouter) -> None:
    """Add the routes."""
    action = response(
        200, "The action: what was decided, and what was skipped.", schema_ref("ActionDocument")
    )
    body = {
        "schema": schema_ref("ItemVerdict"),
        "examples": {"some": {"value": {"items": ["k1", "k2"], "verdict": "pick"}}},
    }
    add_route(
        router,
        "POST",
        f"{ONE}/verdicts",
        post_verdicts,
        "Pick or reject pictures",
        merge_responses(action, problem_responses(400, 401, 404, 409, 413, 415, 422)),
        request_docs(NAME, body=body),
    )
    add_route(
        router,
        "POST",
        f"{ONE}/verdicts/undo",
        undo_verdicts,
        "Undo the last verdicts of the key",
        merge_responses(action, problem_responses(401, 404, 409, 422)),
        request_docs(NAME),
    )
    after = query_parameter("after", "Id of an item that is left for later.", type="string", maxLength=64)
    add_route(
        router,
        "GET",
        f"{ONE}/review/next",
        get_next,
        "Get the next item without a verdict",
        merge_responses(
            response(200, "The item.", schema_ref("ReviewDocument")), problem_responses(401, 404, 409, 422)
        ),
        request_docs(NAME, after),
    )
