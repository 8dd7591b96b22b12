"""Cost report: ``GET /v1/costs``."""

from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter
from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from api.auth import authenticate
from api.cost_report import cost_view
from api.jobs.caller_scope import callers_in_scope
from api.rest.openapi.route_docs import merge_responses, problem_responses, response, schema_ref
from api.services import services_of
from api.web.problems import invalid_field
from api.web.responses import JsonResponse
from models.campaigns.spec import Moment
from models.clock import rfc3339
from models.queries.money.reports import DIMENSIONS, cost_report

_LONGEST = timedelta(days=400)
_USUAL = timedelta(days=30)
_MOMENT = TypeAdapter[datetime](Moment)
_KNOWN = {"by", "since", "until", "campaign", "caller"}


async def get_costs(request: Request) -> Response:
    """Return what calls have cost, by day, channel, model, campaign or key, and by currency."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    query = request.query_params
    if unknown := sorted(set(query) - _KNOWN):
        raise invalid_field(unknown[0][:64], "there is no such parameter")
    by = _dimensions(query.get("by", "day"))
    until = _moment(query.get("until"), "until") or services.clock() + timedelta(minutes=1)
    since = _moment(query.get("since"), "since") or until - _USUAL
    if not timedelta() < until - since <= _LONGEST:
        raise invalid_field("since", f"must be before until, by {_LONGEST.days} days at most")
    async with services.database.reading() as connection:
        callers = await callers_in_scope(connection, caller, query.get("caller"))
        rows = await cost_report(
            connection, callers, by, since=since, until=until, campaign=query.get("campaign")
        )
    content: dict[str, Any] = {
        "object": "costs",
        "by": list(by),
        "since": rfc3339(since),
        "until": rfc3339(until),
        "data": [cost_view(row) for row in rows],
    }
    return JsonResponse(content, headers={"Cache-Control": "no-store"})


def _dimensions(text: str) -> tuple[str, ...]:
    by = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not by or set(by) - set(DIMENSIONS):
        raise invalid_field("by", f"write one or more of {','.join(DIMENSIONS)}, with commas")
    return by


def _moment(text: str | None, name: str) -> datetime | None:
    if text is None:
        return None
    try:
        return _MOMENT.validate_python(text).astimezone(UTC)
    except (ValidationError, OverflowError):
        raise invalid_field(
            name, "write a time with its offset, such as 2026-01-31T18:00:00Z (RFC 3339)"
        ) from None


def add_routes(router: APIRouter) -> None:
    """Add the route."""

    def parameter(name: str, description: str) -> dict[str, Any]:
        return {
            "name": name,
            "in": "query",
            "required": False,
            "description": description,
            "schema": {"type": "string"},
        }

    router.add_api_route(
        "/v1/costs",
        get_costs,
        methods=["GET"],
        tags=["costs"],
        summary="What calls have cost",
        responses=merge_responses(
            response(200, "Calls and costs by group and currency.", schema_ref("CostsDocument")),
            problem_responses(401, 403, 422),
        ),
        openapi_extra={
            "parameters": [
                parameter(
                    "by", f"one or more of {','.join(DIMENSIONS)}, with commas; days are UTC's. Usually day"
                ),
                parameter("since", "calls sent from then on (RFC 3339); usually the last 30 days"),
                parameter("until", "calls sent before then (RFC 3339)"),
                parameter("campaign", "only jobs of this campaign"),
                parameter("caller", "only this caller, by name or id; for an admin's key"),
            ]
        },
    )
