"""Repair of a campaign: retry and re-roll of many items, tried by a dry run first."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from starlette.requests import Request
from starlette.responses import Response

from api.auth import authenticate
from api.campaigns.repair import RepairRequest, repair_items
from api.campaigns.selection import ITEMS_PER_REQUEST, GivenItems
from api.jobs.selection.job_conditions import problem_of_validation
from api.rest.campaigns.routing import NAME, NO_STORE, ONE, add_route, read_name
from api.rest.openapi.route_docs import (
    merge_responses,
    problem_responses,
    request_docs,
    response,
    schema_ref,
)
from api.services import services_of
from api.web.json_body import read_json
from api.web.responses import JsonResponse
from models.campaigns.actions import RetryMode
from models.campaigns.item_filter import MEMBERS, ItemFilter, parse_filter
from models.campaigns.repair import SEED_LIMIT, Repair, Reroll, Retry
from models.campaigns.spec import Model, TemplateText

_STRICT = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)
Name = Annotated[str, Field(min_length=1, max_length=512)]
FILTER = Field(None, description=f"members: {', '.join(MEMBERS)}; a text or a list of texts. {{}}: all items")
ITEMS = Field(
    None,
    min_length=1,
    max_length=ITEMS_PER_REQUEST,
    description="ids of items, or keys of rows with all their variants",
)


class ItemAction(BaseModel):
    """What all bulk actions on items take."""

    model_config = _STRICT

    filter: dict[str, Any] | None = FILTER
    dry_run: bool = Field(False, description="change nothing; only say what would change")
    expected_count: int | None = Field(
        None, ge=0, le=2**63 - 1, description="`eligible` of the dry run; change nothing if it is another"
    )

    def to_filter(self) -> ItemFilter | None:
        """Return the filter. Raises ``InvalidRequest``."""
        return None if self.filter is None else parse_filter(self.filter, prefix="filter.")


class ItemRetry(ItemAction):
    """Items to retry: each gets a further take of the same request."""

    mode: Annotated[RetryMode, Field(strict=False)] = Field(
        description="missing: cancelled ones; missing_and_failed; all: also those with a picture, paid again"
    )

    def to_request(self) -> RepairRequest:
        """Return the request. Raises ``InvalidRequest``."""
        given = GivenItems(None, self.to_filter() or ItemFilter())
        return _request(Retry(self.mode), given, self)


class ItemReroll(ItemAction):
    """Items to re-roll: exactly one of ``items`` and ``filter``; each gets a further take."""

    items: list[Name] | None = ITEMS
    prompt: TemplateText | None = Field(
        None, description="of the new takes; {prompt} is the one before, {column} a column of the row"
    )
    seed: Annotated[int, Field(ge=0, lt=SEED_LIMIT)] | Literal["new"] | None = Field(
        None,
        description="new: another one for each take, as for takes that have a seed if neither prompt nor "
        "model is given",
    )
    model: Model | None = Field(None, description="another model")

    @model_validator(mode="after")
    def _either(self) -> "ItemReroll":
        if (self.items is None) == (self.filter is None):
            raise ValueError("give either items or filter")
        return self

    def to_request(self) -> RepairRequest:
        """Return the request. Raises ``InvalidRequest``."""
        return _request(
            Reroll(self.prompt, self.seed, self.model), GivenItems(self.items, self.to_filter()), self
        )


def _request(repair: Repair, given: GivenItems, body: ItemAction) -> RepairRequest:
    return RepairRequest(repair=repair, given=given, dry_run=body.dry_run, expected_count=body.expected_count)


async def retry_items(request: Request) -> Response:
    """Retry items, by the mode and a filter."""
    return await _repair(request, ItemRetry)


async def reroll_items(request: Request) -> Response:
    """Re-roll items: a new seed, another prompt or another model."""
    return await _repair(request, ItemReroll)


async def _repair(request: Request, schema: type[ItemRetry] | type[ItemReroll]) -> Response:
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    _, value = await read_json(request, caller)
    try:
        wanted = schema.model_validate(value).to_request()
    except ValidationError as error:
        raise problem_of_validation(error) from error
    made = await repair_items(services, caller, read_name(request), wanted)
    return JsonResponse(made, 200 if wanted.dry_run else 202, headers=NO_STORE)


def add_routes(router: APIRouter) -> None:
    """Add the routes."""
    action = schema_ref("ActionDocument")
    done = merge_responses(
        response(200, "With dry_run: what it would change, leave and cost.", action),
        response(202, "The action; workers go through its items.", action),
        problem_responses(400, 401, 404, 409, 413, 415, 422),
    )
    for word, handler, schema, summary, example in (
        (
            "retry",
            retry_items,
            "ItemRetry",
            "Retry the items of a campaign that have no picture",
            {"mode": "missing_and_failed", "dry_run": True},
        ),
        (
            "reroll",
            reroll_items,
            "ItemReroll",
            "Re-roll items: a further take with a new seed, another prompt or another model",
            {"filter": {"verdict": "reject"}, "prompt": "{prompt}, at night", "dry_run": True},
        ),
    ):
        body = {"schema": schema_ref(schema), "examples": {"what it would do": {"value": example}}}
        add_route(router, "POST", f"{ONE}/{word}", handler, summary, done, request_docs(NAME, body=body))
