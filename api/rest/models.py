"""Models that jobs can name, in the form of OpenAI's list of models."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from api.auth import authenticate_reader
from api.jobs.served_models import read_served
from api.rest.openapi.route_docs import (
    merge_responses,
    path_parameter,
    problem_responses,
    request_docs,
    response,
    schema_ref,
)
from api.services import ApiServices, services_of
from api.web.error_object import error_object
from api.web.problems import Problem, not_found, problem_of
from api.web.responses import JsonResponse
from models.errors import DarkroomError
from models.money.cost import ChannelPrice

_OWNER = "darkroom"
_HEADERS = {"Cache-Control": "no-store"}


Handler = Callable[[Request], Awaitable[Response]]


def with_error_object(handler: Handler) -> Handler:
    """Add OpenAI's error object to the problems of a handler: its clients read these routes, too."""

    @wraps(handler)
    async def respond(request: Request) -> Response:
        try:
            return await handler(request)
        except DarkroomError as error:
            raise _with_member(problem_of(error)) from error
        except Problem as problem:
            _with_member(problem)
            raise

    return respond


def _with_member(problem: Problem) -> Problem:
    problem.more["error"] = error_object(problem)
    return problem


@with_error_object
async def list_models(request: Request) -> Response:
    """Return all models with a name of their own, and the patterns of further ones."""
    services = services_of(request)
    await authenticate_reader(request, services.authenticator)
    served = await read_served(services)
    data = [_view(services, name, served.channels_of(name)) for name in served.names]
    return JsonResponse({"object": "list", "data": data, "x_patterns": served.patterns}, headers=_HEADERS)


@with_error_object
async def get_model(request: Request) -> Response:
    """Return one model, by its name or as one that a pattern covers."""
    services = services_of(request)
    await authenticate_reader(request, services.authenticator)
    served, name = await read_served(services), request.path_params["model"]
    rows = served.channels_of(name)
    if not rows:
        nearest = served.nearest(name)
        hint = f" The nearest names: {', '.join(nearest)}." if nearest else ""
        raise not_found(f"No channel serves the model {name[:256]!r}.{hint}")
    return JsonResponse(_view(services, name, rows), headers=_HEADERS)


def _view(services: ApiServices, name: str, rows: list[Any]) -> dict[str, Any]:
    """Return a model with the limits of its channels; ``created`` is when the first of these was added."""
    return {
        "id": name,
        "object": "model",
        "created": min(row.id.int >> 80 for row in rows) // 1000,  # ids begin with their time (UUIDv7)
        "owned_by": _OWNER,
        "x_channels": [
            {
                "name": row.name,
                "rpm": row.rpm,
                "concurrency": row.concurrency,
                "limits": row.limits.get("", {}),
                "model_limits": row.limits.get(name, {}),
                "price": _price(services.call_costs.price(row.name, name)),
            }
            for row in sorted(rows, key=lambda row: (row.tier, row.name))
        ],
    }


def _price(price: ChannelPrice) -> dict[str, Any] | None:
    """Return the price list's entry of a model; ``None``: its price is not known."""
    if price.price is None:
        return None
    listed = price.price.model_dump(mode="json", exclude_none=True, exclude={"picture_tokens"})
    return {**listed, "ratio": f"{price.ratio.normalize():f}", "version": price.version}


class ModelChannelDocument(BaseModel):
    """A channel that serves a model, with its limits."""

    name: str
    rpm: float | None = Field(description="calls per minute of the whole channel; null: no limit")
    concurrency: int = Field(description="calls in flight of the whole channel")
    limits: dict[str, float] = Field(description="further limits of the whole channel: rps, rpd, ipm, burst")
    model_limits: dict[str, float] = Field(description="limits of this model on the channel")
    price: dict[str, Any] | None = Field(
        description="per_call, per_picture or tokens, as the channel's settings write them, in `currency`; "
        "multiplied by `ratio`; null: not known"
    )


class ModelDocument(BaseModel):
    """A model that jobs can name."""

    id: str
    object: str
    created: int = Field(description="Unix time at which its first channel was added")
    owned_by: str
    x_channels: list[ModelChannelDocument] = Field(description="the channels that serve it, first ones first")


class ModelPageDocument(BaseModel):
    """All models with a name of their own."""

    object: str
    data: list[ModelDocument]
    x_patterns: list[str] = Field(description="patterns such as flux-*, which cover any name of that kind")


def add_routes(router: APIRouter) -> None:
    """Add the routes."""
    router.add_api_route(
        "/v1/models",
        list_models,
        methods=["GET"],
        tags=["models"],
        summary="List the models that jobs can name",
        responses=merge_responses(
            response(200, "The models.", schema_ref("ModelPageDocument")), problem_responses(401)
        ),
        openapi_extra=request_docs(takes_token=True),
    )
    router.add_api_route(
        "/v1/models/{model:path}",
        get_model,
        methods=["GET"],
        tags=["models"],
        summary="Get a model",
        responses=merge_responses(
            response(200, "The model.", schema_ref("ModelDocument")), problem_responses(401, 404)
        ),
        openapi_extra=request_docs(path_parameter("model", "Name of the model."), takes_token=True),
    )
