"""The channels' state, and stopping and opening them, for those who operate."""

from typing import Annotated, Any, TypeVar

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response

from api.auth import authenticate
from api.channel_status import read_channel_views
from api.jobs.schemas import NonBlank
from api.jobs.validation import rejection_of
from api.rest.openapi.route_docs import (
    merge_responses,
    path_parameter,
    problem_responses,
    request_docs,
    response,
    schema_ref,
)
from api.services import ApiServices, services_of
from api.web.json_body import read_json
from api.web.problems import Problem
from api.web.responses import JsonResponse
from models.errors import NotFound
from models.queries import channels as rows

_STRICT = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)
_Model = Annotated[str, Field(min_length=1, max_length=256), NonBlank]
Given = TypeVar("Given", bound=BaseModel)
_NO_STORE = {"Cache-Control": "no-store"}


class PauseRequest(BaseModel):
    """Why a channel is stopped, and whether only for one model."""

    model_config = _STRICT

    reason: Annotated[str, Field(min_length=1, max_length=500), NonBlank] = Field(
        "by hand", description="why, in your words; shown with the jobs that wait for it"
    )
    model: _Model | None = Field(None, description="only calls of this model")


class ResumeRequest(BaseModel):
    """What to open again."""

    model_config = _STRICT

    model: _Model | None = Field(None, description="only calls of this model")
    forget: bool = Field(False, description="find out anew how much the provider allows")


async def get_channels(request: Request) -> Response:
    """List all channels."""
    services = await _for_admins(request)
    async with services.database.reading() as connection:
        views = await read_channel_views(connection, services.clock())
    return JsonResponse({"data": views}, headers=_NO_STORE)


async def pause_channel(request: Request) -> Response:
    """Start no more calls on a channel, or of one model on it."""
    return await _stop(request, drain=False)


async def drain_channel(request: Request) -> Response:
    """The same, and show when nothing is in flight any more."""
    return await _stop(request, drain=True)


async def resume_channel(request: Request) -> Response:
    """Open a channel, or one model on it, again, whatever had closed it."""
    services, name = await _for_admins(request), request.path_params["name"]
    given = await _body(request, ResumeRequest)
    at = services.clock()
    async with services.database.writing() as connection:
        found = (
            await rows.resume_model(connection, name, given.model, at)
            if given.model
            else await rows.resume(connection, name, at, forget=given.forget)
        )
        view = await _view(connection, services, name, found)
    services.notifier.notify()
    return JsonResponse(view, headers=_NO_STORE)


async def _stop(request: Request, *, drain: bool) -> Response:
    services, name = await _for_admins(request), request.path_params["name"]
    given = await _body(request, PauseRequest)
    at = services.clock()
    async with services.database.writing() as connection:
        found = (
            await rows.pause_model(connection, name, given.model, given.reason, at)
            if given.model
            else await rows.pause(connection, name, given.reason, at, drain=drain)
        )
        view = await _view(connection, services, name, found)
    return JsonResponse(view, headers=_NO_STORE)


async def _view(connection: AsyncConnection, services: ApiServices, name: str, found: bool) -> dict[str, Any]:
    services.snapshots.clear()
    if not found:
        raise NotFound(f"There is no channel {name[:64]!r}.")
    return (await read_channel_views(connection, services.clock(), only=name))[0]


async def _for_admins(request: Request) -> ApiServices:
    services = services_of(request)
    if not (await authenticate(request, services.authenticator)).admin:
        raise Problem(403, "forbidden", "Only an admin's key may see and change the channels.")
    return services


async def _body(request: Request, kind: type[Given]) -> Given:
    """Read a body that may be missing."""
    value: Any = {}
    if await request.body():
        _, value = await read_json(request)
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        fault = rejection_of(error)
        raise Problem(422, fault.code, fault.message, errors=fault.errors) from error


# The addresses under which channels are looked at, stopped and opened.

_CHANNEL = schema_ref("ChannelDocument")


def add_routes(router: APIRouter) -> None:
    """Add the routes."""
    router.add_api_route(
        "/v1/channels",
        get_channels,
        methods=["GET"],
        tags=["operations"],
        summary="Look at the channels (admin keys)",
        responses=merge_responses(
            response(200, "All channels.", schema_ref("ChannelPageDocument")), problem_responses(401, 403)
        ),
        openapi_extra=request_docs(),
    )
    for verb, handler, body, summary in (
        ("pause", pause_channel, "PauseRequest", "Start no more calls on a channel (admin keys)"),
        ("drain", drain_channel, "PauseRequest", "The same, and show when nothing is in flight (admin keys)"),
        ("resume", resume_channel, "ResumeRequest", "Reopen a channel, whatever closed it (admin keys)"),
    ):
        router.add_api_route(
            f"/v1/channels/{{name}}/{verb}",
            handler,
            methods=["POST"],
            tags=["operations"],
            summary=summary,
            responses=merge_responses(
                response(200, "The channel.", _CHANNEL), problem_responses(400, 401, 403, 404, 413, 422)
            ),
            openapi_extra=request_docs(
                path_parameter("name", "the channel's name"),
                body={"schema": schema_ref(body)},
                body_required=False,
            ),
        )
