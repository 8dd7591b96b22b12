"""Looking at tasks: one, some by number, all under way, the newest."""

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from api.midjourney.auth import authenticated
from api.midjourney.responses import Json, Refusal
from api.midjourney.task_ids import number_of
from api.midjourney.waiting import waiting_of
from api.services import services_of
from api.web.json_body import read_json
from models.midjourney.protocol import Code, TaskStatus
from models.queries.midjourney.tasks import find_task, newest_tasks, tasks_by_id, tasks_under_way
from worker.midjourney.task_reader import views_of

_LISTED = 100
_UNDER_WAY = 1000
_ASKED = 10_000  # ids in one request


async def fetch(request: Request) -> Response:
    """Look at a task."""
    services = services_of(request)
    caller = await authenticated(request, services)
    async with services.database.reading() as connection:
        number = number_of(request.path_params["task_id"])
        task = None if number is None else await find_task(connection, number, caller_id=caller.id)
        if task is None:
            raise Refusal(Code.NOT_FOUND, "There is no such task.", status=404)
        view = (await views_of(connection, [task], settings=services.settings))[0]
        if view["status"] == TaskStatus.NOT_START:
            view["properties"] |= await waiting_of(connection, services, task)
    return Json(view)


async def list_newest(request: Request) -> Response:
    """List the newest tasks, newest first."""
    services = services_of(request)
    caller = await authenticated(request, services)
    async with services.database.reading() as connection:
        tasks = await newest_tasks(connection, caller.id, limit=_LISTED)
        return Json(await views_of(connection, tasks, settings=services.settings))


async def list_queue(request: Request) -> Response:
    """List what waits or runs, oldest first."""
    services = services_of(request)
    caller = await authenticated(request, services)
    async with services.database.reading() as connection:
        tasks = await tasks_under_way(connection, caller.id, limit=_UNDER_WAY)
        return Json(await views_of(connection, tasks, settings=services.settings))


async def list_some(request: Request) -> Response:
    """List tasks by number: only what was asked for, and nothing for numbers that nobody knows."""
    services = services_of(request)
    caller = await authenticated(request, services)
    numbers = await _numbers(request)
    async with services.database.reading() as connection:
        found = {task.id: task for task in await tasks_by_id(connection, numbers, caller_id=caller.id)}
        tasks = [found[number] for number in numbers if number in found]
        return Json(await views_of(connection, tasks, settings=services.settings))


async def _numbers(request: Request) -> Sequence[int]:
    """Return the numbers in ``ids``, strings or not, each once. Raises ``Refusal``."""
    _, body = await read_json(request)
    given: Any = body.get("ids") if isinstance(body, dict) else body
    if given is None:
        return []
    if not isinstance(given, list):
        raise Refusal(Code.INVALID, "ids: must be a list")
    if len(given) > _ASKED:
        raise Refusal(Code.INVALID, f"ids: at most {_ASKED:,} at once")
    return list(dict.fromkeys(number for each in given if (number := number_of(each)) is not None))
