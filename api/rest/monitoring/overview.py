"""What the installation does now, as the dashboard's overview shows it."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from api.auth import authenticate
from api.overview.calls import CALLS_FRESH, read_calls
from api.overview.counts import COUNTS_FRESH, read_counts
from api.overview.shared import read_shared
from api.rest.openapi.route_docs import (
    add_operation,
    merge_responses,
    problem_responses,
    request_docs,
    response,
    schema_ref,
)
from api.services import services_of
from api.web.responses import JsonResponse


async def get_overview(request: Request) -> Response:
    """Return the open jobs, the workers, and the calls of 24 hours, of the callers in scope."""
    caller = await authenticate(request, services_of(request).authenticator)
    counts = await read_shared(request, caller.scope, COUNTS_FRESH, read_counts)
    calls = await read_shared(request, caller.scope, CALLS_FRESH, read_calls)
    content = {"object": "overview", **counts.to_json(), "last_24_hours": calls.to_json()}
    return JsonResponse(content, headers={"Cache-Control": "no-store"})


class HalfHourDocument(BaseModel):
    """Calls that were sent within half an hour, in one currency."""

    start: datetime
    calls: int
    succeeded: int
    failed: int
    cost: str
    currency: str | None


class CallsDocument(BaseModel):
    """Calls of the last 24 hours."""

    done_per_minute: float = Field(description="successes per minute in the last half hour")
    failed: int
    ended: int
    spent_today: dict[str, str] = Field(description="since midnight UTC, by currency")
    half_hours: list[HalfHourDocument]


class OverviewDocument(BaseModel):
    """What the installation does now."""

    object: str
    jobs: dict[str, int] = Field(description="open jobs by status; of each caller and status up to 10,001")
    in_flight: int
    oldest_waiting_at: datetime | None = Field(description="of the due jobs, when the oldest was submitted")
    stuck: list[str] = Field(description="due jobs that have waited for more than two minutes; at most five")
    slots: int = Field(description="of the workers that are alive")
    workers: int
    last_24_hours: CallsDocument


def add_routes(router: APIRouter) -> None:
    """Add the route."""
    add_operation(
        router,
        "GET",
        "/v1/overview",
        get_overview,
        "Get what happens now: open jobs, workers, calls of 24 hours and their cost",
        merge_responses(
            response(200, "The overview.", schema_ref("OverviewDocument")), problem_responses(401)
        ),
        request_docs(),
    )
