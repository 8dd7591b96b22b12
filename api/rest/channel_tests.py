"""Test of a channel: one real call outside any job, which the provider charges."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from api.access.audit import describe_change
from api.access.roles import check_sees_all
from api.auth import authenticate
from api.channel_calls.channel_test import test_channel
from api.jobs.selection.job_conditions import problem_of_validation
from api.rest.openapi.route_docs import (
    add_operation,
    merge_responses,
    path_parameter,
    problem_responses,
    request_docs,
    response,
    schema_ref,
)
from api.services import ApiServices, services_of
from api.web.json_body import read_json
from api.web.problems import invalid_field
from api.web.responses import JsonResponse
from models.api_keys import Role
from models.channels import ChannelSettings, serves
from models.errors import Conflict

PROMPT = "a small red circle on white"


class ChannelTestRequest(BaseModel):
    """What the call asks for."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)

    model: str | None = Field(
        None, min_length=1, max_length=256, description="null: the first that the channel names in full"
    )
    prompt: str = Field(PROMPT, min_length=1, max_length=1_000)


class ChannelTestDocument(BaseModel):
    """What came of the call."""

    channel: str
    model: str
    outcome: str
    code: str | None = Field(description="why it failed; null: it did not")
    message: str | None
    provider_message: str | None
    http_status: int | None
    pictures: int
    seconds: float
    billed: str
    request_id: str | None


async def post_test(request: Request) -> Response:
    """Make one call on a channel and return what came of it; it is no job, and in no total of costs."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    check_sees_all(caller.role, Role.OPERATOR)
    _, value = await read_json(request, caller, optional=True)
    try:
        given = ChannelTestRequest.model_validate(value or {})
    except ValidationError as error:
        raise problem_of_validation(error) from error
    name = request.path_params["name"]
    channel = _configured(services, name)
    model = _chosen_model(channel, given.model)
    running = _running(request)
    if name in running:
        raise Conflict(f"A test of {name} is under way; wait for its end.")
    running.add(name)
    try:
        async with services.database.writing():
            describe_change(target=name, count=1, after={"model": model, "calls": 1})
        test = await test_channel(channel, model, given.prompt)
    finally:
        running.discard(name)
    return JsonResponse(test.value(), headers={"Cache-Control": "no-store"})


def _running(request: Request) -> set[str]:
    """Return the channels that this process tests now."""
    state: Any = request.app.state
    if not hasattr(state, "channel_tests"):
        state.channel_tests = set[str]()
    running: set[str] = state.channel_tests
    return running


def _configured(services: ApiServices, name: str) -> ChannelSettings:
    for channel in services.settings.all_channels():
        if channel.name == name:
            return channel
    raise Conflict(
        f"The settings of this API process lack the channel {name[:64]!r}, and so its key: give it the "
        f"settings of the workers, or run `darkroom channels test {name[:64]}` where they are."
    )


def _chosen_model(channel: ChannelSettings, model: str | None) -> str:
    chosen = model or next((known for known in channel.models if not known.endswith("*")), None)
    if chosen is None:
        raise invalid_field("model", f"name one: the channel serves {', '.join(channel.models)}")
    if not serves(channel.models, chosen):
        raise invalid_field("model", f"the channel does not serve it; it serves {', '.join(channel.models)}")
    return chosen


def add_routes(router: APIRouter) -> None:
    """Add the route."""
    add_operation(
        router,
        "POST",
        "/v1/channels/{name}/test",
        post_test,
        "Make one real call on a channel, which the provider charges (operators)",
        merge_responses(
            response(200, "What came of it.", schema_ref("ChannelTestDocument")),
            problem_responses(400, 401, 403, 409, 413, 415, 422),
        ),
        request_docs(
            path_parameter("name", "Its name."),
            body={"schema": schema_ref("ChannelTestRequest")},
            body_required=False,
        ),
    )
