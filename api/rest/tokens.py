"""POST /v1/tokens: short-lived, read-only tokens for web pages, where a key would be seen."""

from datetime import UTC, datetime, timedelta
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from api.auth import authenticate
from api.jobs.selection.job_conditions import problem_of_validation
from api.rest.openapi.route_docs import merge_responses, problem_responses, request_docs, response, schema_ref
from api.services import services_of
from api.web.json_body import read_json
from api.web.responses import JsonResponse
from models.clock import rfc3339
from models.errors import NotFound

_LONGEST = 86_400  # seconds


class TokenRequest(BaseModel):
    """A token to make."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)

    scope: Literal["read"] = Field("read", description="what it permits: to read jobs, events and assets")
    expires_in: int = Field(3600, ge=10, le=_LONGEST, description="seconds that it is valid")


async def post_token(request: Request) -> Response:
    """Return a new token of the request's key."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    _, value = await read_json(request, caller, optional=True)
    try:
        wanted = TokenRequest.model_validate(value)
    except ValidationError as error:
        raise problem_of_validation(error) from error
    if caller.key_id is None:
        raise NotFound("There is no such key any more.")
    end = services.clock() + timedelta(seconds=wanted.expires_in)
    expires_at = datetime.fromtimestamp(int(end.timestamp()), UTC)
    token = await services.authenticator.issue_token(caller.key_id, expires_at)
    content = {
        "object": "token",
        "token": token,
        "scope": wanted.scope,
        "expires_at": rfc3339(expires_at),
    }
    return JsonResponse(content, 201, headers={"Cache-Control": "no-store"})


class TokenDocument(BaseModel):
    """A token. It can't be revoked by itself; it ends with its key, or at ``expires_at``."""

    object: Literal["token"]
    token: str = Field(description="for the query parameter token of requests that read")
    scope: Literal["read"]
    expires_at: datetime


def add_routes(router: APIRouter) -> None:
    """Add the route."""
    router.add_api_route(
        "/v1/tokens",
        post_token,
        methods=["POST"],
        tags=["tokens"],
        summary="Make a short-lived, read-only token for a web page",
        status_code=201,
        responses=merge_responses(
            response(201, "The token.", schema_ref("TokenDocument")),
            problem_responses(400, 401, 404, 413, 422),
        ),
        openapi_extra=request_docs(body={"schema": schema_ref("TokenRequest")}, body_required=False),
    )
