"""Channels for admin keys: list their state; pause, drain, resume and remove them."""

from datetime import timedelta
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response

from api.access.audit import describe_change
from api.auth import Caller, authenticate
from api.channel_status import read_channel_views
from api.jobs.schemas import NonBlank, PauseEnd
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
from models.errors import Conflict, InvalidRequest, NotFound
from models.queries import channels
from models.queries.workers import list_registrations
from models.serializers import moment

_STRICT = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)
_Model = Annotated[str, Field(min_length=1, max_length=256), NonBlank]
Body = TypeVar("Body", bound=BaseModel)
_NO_STORE = {"Cache-Control": "no-store"}


class PauseRequest(PauseEnd):
    """Why a channel is paused or drained, for how long, and whether only for one model."""

    reason: Annotated[str, Field(min_length=1, max_length=500), NonBlank] = Field(
        "by hand", description="reason in your own words; shown with the jobs that wait for the channel"
    )
    model: _Model | None = Field(
        None, description="only calls of this model, until it is resumed: it has no end by itself"
    )


class ResumeRequest(BaseModel):
    """What is resumed: the channel or one model, with or without its learned limits."""

    model_config = _STRICT

    model: _Model | None = Field(None, description="only calls of this model")
    forget: bool = Field(
        False, description="discard learned rates and concurrency, and what the limits have counted"
    )


async def get_channels(request: Request) -> Response:
    """Return all channels with their state."""
    services, _ = await _admin_of(request)
    async with services.database.reading() as connection:
        views = await read_channel_views(connection, services.clock(), rules=services.settings.routing_rules)
    return JsonResponse({"data": views}, headers=_NO_STORE)


async def get_channel(request: Request) -> Response:
    """Return one channel with its state."""
    services, _ = await _admin_of(request)
    name = request.path_params["name"]
    async with services.database.reading() as connection:
        views = await read_channel_views(
            connection, services.clock(), rules=services.settings.routing_rules, only=name
        )
    if not views:
        raise _unknown(name)
    return JsonResponse(views[0], headers=_NO_STORE)


async def remove_channel(request: Request) -> Response:
    """Delete a channel that no live worker has in its settings, with its pause and its learned limits."""
    services, _ = await _admin_of(request)
    name = request.path_params["name"]
    since = services.clock() - timedelta(seconds=services.settings.worker_timeout)
    async with services.database.writing() as connection:
        found = await list_registrations(connection, since)
        if knowing := [each.worker for each in found if name in (each.channels or ())]:
            raise Conflict(
                f"{name} is in the settings of {', '.join(knowing)}: remove it there and restart first."
            )
        if not await channels.delete_channel(connection, name):
            raise _unknown(name)
    services.snapshots.clear()
    return Response(status_code=204)


async def pause_channel(request: Request) -> Response:
    """Pause a channel or one model on it: no further call starts."""
    return await _pause(request, drain=False)


async def drain_channel(request: Request) -> Response:
    """Pause a channel; its state becomes ``drained`` once no call is in flight."""
    return await _pause(request, drain=True)


async def resume_channel(request: Request) -> Response:
    """Resume a channel or one model on it, whether it was paused, tripped or cooling down."""
    services, caller = await _admin_of(request)
    name = request.path_params["name"]
    body = await _read_body(request, caller, ResumeRequest)
    at = services.clock()
    async with services.database.writing() as connection:
        before = await _state_of(connection, services, name)
        found = (
            await channels.resume_model(connection, name, body.model, at, forget=body.forget)
            if body.model
            else await channels.resume(connection, name, at, forget=body.forget)
        )
        view = await _changed_view(connection, services, name, found)
        more = body.model_dump(exclude_none=True)
        after = {"state": view["state"], **more}
        describe_change(target=name, count=1, before={"state": before}, after=after)
    services.notifier.notify()
    return JsonResponse(view, headers=_NO_STORE)


async def _pause(request: Request, *, drain: bool) -> Response:
    services, caller = await _admin_of(request)
    name = request.path_params["name"]
    body = await _read_body(request, caller, PauseRequest)
    at = services.clock()
    until = body.end(at)
    if until is not None and body.model is not None:
        given = "until" if body.duration is None else "duration"
        raise InvalidRequest(given, "only a pause of the whole channel ends by itself; leave out model")
    async with services.database.writing() as connection:
        before = await _state_of(connection, services, name)
        found = (
            await channels.pause_model(connection, name, body.model, body.reason, at)
            if body.model
            else await channels.pause(
                connection, name, body.reason, at, drain=drain, by=caller.name, until=until
            )
        )
        view = await _changed_view(connection, services, name, found)
        after = {"state": view["state"], "reason": body.reason, "model": body.model, "until": moment(until)}
        after = {name: value for name, value in after.items() if value is not None}
        describe_change(target=name, count=1, before={"state": before}, after=after)
    return JsonResponse(view, headers=_NO_STORE)


async def _state_of(connection: AsyncConnection, services: ApiServices, name: str) -> str | None:
    """Return the state of a channel, ``None`` if there is no such one."""
    found = await read_channel_views(
        connection, services.clock(), rules=services.settings.routing_rules, only=name
    )
    return str(found[0]["state"]) if found else None


async def _changed_view(
    connection: AsyncConnection, services: ApiServices, name: str, found: bool
) -> dict[str, Any]:
    """Return a channel after a change, as JSON. Raises ``NotFound``."""
    services.snapshots.clear()
    if not found:
        raise _unknown(name)
    return (
        await read_channel_views(
            connection, services.clock(), rules=services.settings.routing_rules, only=name
        )
    )[0]


def _unknown(name: str) -> NotFound:
    return NotFound(f"There is no channel {name[:64]!r}.")


async def _admin_of(request: Request) -> tuple[ApiServices, Caller]:
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    if not caller.role.sees_all:
        detail = "Only keys of operators and admins change the channels; those of viewers see them, too."
        raise Problem(403, "forbidden", detail)
    return services, caller


async def _read_body(request: Request, caller: Caller, schema: type[Body]) -> Body:
    """Return an optional body. Raises the 400 or 422 problem."""
    _, value = await read_json(request, caller, optional=True)
    try:
        return schema.model_validate(value)
    except ValidationError as error:
        rejection = rejection_of(error)
        raise Problem(422, rejection.code, rejection.message, errors=rejection.errors) from error


_ONE = "/v1/channels/{name}"
_NAME = path_parameter("name", "Name of the channel.")
_CHANNEL = schema_ref("ChannelDocument")


def add_routes(router: APIRouter) -> None:
    """Add the routes."""
    router.add_api_route(
        "/v1/channels",
        get_channels,
        methods=["GET"],
        tags=["operations"],
        summary="List the channels with their state (admin keys)",
        responses=merge_responses(
            response(200, "All channels.", schema_ref("ChannelPageDocument")), problem_responses(401, 403)
        ),
        openapi_extra=request_docs(),
    )
    router.add_api_route(
        _ONE,
        get_channel,
        methods=["GET"],
        tags=["operations"],
        summary="Get a channel with its state (admin keys)",
        responses=merge_responses(response(200, "The channel.", _CHANNEL), problem_responses(401, 403, 404)),
        openapi_extra=request_docs(_NAME),
    )
    router.add_api_route(
        _ONE,
        remove_channel,
        methods=["DELETE"],
        tags=["operations"],
        summary="Remove a channel that no live worker has in its settings (admin keys)",
        status_code=204,
        responses=merge_responses(
            response(204, "The channel is removed.", None), problem_responses(401, 403, 404, 409)
        ),
        openapi_extra=request_docs(_NAME),
    )
    for verb, handler, body, summary in (
        ("pause", pause_channel, "PauseRequest", "Pause a channel, or one model on it (admin keys)"),
        ("drain", drain_channel, "PauseRequest", "Pause a channel and report when it is idle (admin keys)"),
        ("resume", resume_channel, "ResumeRequest", "Resume a channel, whatever closed it (admin keys)"),
    ):
        router.add_api_route(
            f"{_ONE}/{verb}",
            handler,
            methods=["POST"],
            tags=["operations"],
            summary=summary,
            responses=merge_responses(
                response(200, "The channel.", _CHANNEL), problem_responses(400, 401, 403, 404, 413, 415, 422)
            ),
            openapi_extra=request_docs(
                _NAME,
                body={"schema": schema_ref(body)},
                body_required=False,
            ),
        )
