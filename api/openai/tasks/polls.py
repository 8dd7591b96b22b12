"""Polls of picture tasks, on the paths of each dialect."""

from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from api.auth import Caller
from api.openai.context import authenticated, json_context
from api.openai.errors import JOB_HEADER
from api.openai.results import read_result
from api.openai.tasks.documents import (
    a_data,
    generation_document,
    images_task_document,
    task_document,
    unknown_data,
)
from api.openai.tasks.task import PictureTask, TaskState, picture_task
from api.services import ApiServices
from api.web.responses import JsonResponse
from models.errors import InvalidRequest, NotFound
from models.ids import parse_id

_MOST_TASKS = 100  # of one request
_RETRY_AFTER = 3  # seconds
_OPEN = (TaskState.PENDING, TaskState.PROCESSING)


async def images_task(request: Request) -> Response:
    """GET /v1/images/tasks/{id}."""
    services, caller = await authenticated(request)
    task = await _read(services, caller, request.path_params["task_id"])
    return _response(task, images_task_document(task, public_url=services.public_url))


async def task(request: Request) -> Response:
    """GET /v1/tasks/{id}."""
    return await _poll(request, task_document)


async def generation(request: Request) -> Response:
    """GET /v1/images/generations/{id} and /v1/images/edits/{id}."""
    return await _poll(request, generation_document)


async def task_list(request: Request) -> Response:
    """POST /v1/tasks/batch: the tasks of many ids, in their order."""
    context, members = await json_context(request, images=False)
    ids = members.get("task_ids")
    if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
        raise InvalidRequest("task_ids", "must be a list of ids")
    if not 0 < len(ids) <= _MOST_TASKS:
        raise InvalidRequest("task_ids", f"must have 1 to {_MOST_TASKS} ids, not {len(ids):,}")
    data = [await _data(context.services, context.caller, each) for each in ids]
    return JsonResponse({"code": 200, "data": data}, headers={"Cache-Control": "no-store"})


async def _poll(request: Request, document: Callable[[PictureTask], Mapping[str, Any]]) -> Response:
    services, caller = await authenticated(request)
    found = await _read(services, caller, request.path_params["task_id"])
    return _response(found, document(found))


async def _data(services: ApiServices, caller: Caller, task_id: str) -> Mapping[str, Any]:
    try:
        return a_data(await _read(services, caller, task_id))
    except NotFound:
        return unknown_data(task_id[:100])


async def _read(services: ApiServices, caller: Caller, task_id: str) -> PictureTask:
    result = await read_result(services, caller, parse_id("job", task_id))
    return picture_task(result, public_url=services.public_url)


def _response(found: PictureTask, document: Mapping[str, Any]) -> Response:
    headers = {"Cache-Control": "no-store", JOB_HEADER: found.id}
    if found.state in _OPEN:
        headers["Retry-After"] = str(_RETRY_AFTER)
    return JsonResponse(document, headers=headers)
