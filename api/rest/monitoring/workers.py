"""Workers: list them with their heartbeats; ask one to stop."""

from datetime import timedelta
from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from api.access.audit import describe_change
from api.access.roles import check_sees_all
from api.auth import authenticate
from api.rest.openapi.route_docs import (
    add_operation,
    merge_responses,
    path_parameter,
    problem_responses,
    request_docs,
    response,
    schema_ref,
)
from api.rest.parameters import read_path_id
from api.services import ApiServices, services_of
from api.web.problems import not_found
from api.web.responses import JsonResponse
from models.api_keys import Role
from models.errors import Conflict
from models.ids import public_id
from models.queries.dashboard.workers import read_workers
from models.queries.workers import request_stop

_NO_STORE = {"Cache-Control": "no-store"}
_NOT_HERE = (
    "This worker can't be stopped from here: it is a part of `darkroom up`, or of an earlier version. "
    "Stop its process instead."
)
_SILENT = "The heartbeat of this worker is overdue: it would not notice. Another worker takes over its jobs."


async def get_workers(request: Request) -> Response:
    """Return the workers with their heartbeats and the jobs that they have in hand."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    check_sees_all(caller.role, Role.VIEWER)
    async with services.database.reading() as connection:
        found = await read_workers(connection, services.clock(), _timeout(services))
    return JsonResponse({"data": [each.to_json() for each in found]}, headers=_NO_STORE)


async def stop_worker(request: Request) -> Response:
    """Ask a worker to stop: within a second it starts nothing new; its process ends after its calls."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    check_sees_all(caller.role, Role.OPERATOR)
    worker_id = await read_path_id(request, "worker", "worker_id", caller_id=None)
    at = services.clock()
    async with services.database.writing() as connection:
        before = {each.id: each for each in await read_workers(connection, at, _timeout(services))}
        if worker_id not in before:
            raise not_found("There is no worker with this id; it may have ended.")
        if before[worker_id].state == "silent":
            raise Conflict(_SILENT)
        if not before[worker_id].takes_stop:
            raise Conflict(_NOT_HERE)
        await request_stop(connection, worker_id, at)
        state = before[worker_id].state
        target = public_id("worker", worker_id)
        describe_change(target=target, count=1, before={"state": state}, after={"state": "stopping"})
        after = {each.id: each for each in await read_workers(connection, at, _timeout(services))}
    return JsonResponse(after[worker_id].to_json(), 202, headers=_NO_STORE)


def _timeout(services: ApiServices) -> timedelta:
    return timedelta(seconds=services.settings.worker_timeout)


class WorkerDocument(BaseModel):
    """A worker."""

    id: str
    object: str
    name: str
    version: str
    state: Literal["alive", "silent", "stopping"]
    busy: int = Field(description="jobs that it has in hand")
    slots: int
    channels: list[str]
    started_at: str
    heartbeat_at: str
    takes_stop: bool = Field(description="whether it can be stopped from here")


class WorkerListDocument(BaseModel):
    """The workers."""

    data: list[WorkerDocument]


def add_routes(router: APIRouter) -> None:
    """Add the routes."""
    add_operation(
        router,
        "GET",
        "/v1/workers",
        get_workers,
        "List the workers with their heartbeats (viewers)",
        merge_responses(
            response(200, "The workers.", schema_ref("WorkerListDocument")), problem_responses(401, 403)
        ),
        request_docs(),
    )
    add_operation(
        router,
        "POST",
        "/v1/workers/{worker_id}/stop",
        stop_worker,
        "Ask a worker to finish its calls and end, so that what runs it starts it again (operators)",
        merge_responses(
            response(202, "It is asked.", schema_ref("WorkerDocument")),
            problem_responses(401, 403, 404, 409, 422),
        ),
        request_docs(path_parameter("worker_id", "worker_…, or a unique beginning of it.")),
    )
