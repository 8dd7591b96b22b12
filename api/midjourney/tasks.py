"""Looking at tasks: one, some by number, all under way, the newest."""

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response

from api.jobs.reader import queued_of
from api.jobs.validation import rejection_of
from api.midjourney.auth import authenticated
from api.midjourney.responses import Json, SubmitError, legible
from api.midjourney.submit import COUNTED
from api.midjourney.task_ids import number_of
from api.services import ApiServices, services_of
from api.web.json_body import read_json
from models.midjourney.protocol import Code, TaskStatus
from models.queries.jobs import find_job
from models.queries.midjourney.tasks import (
    FILTERS,
    SORTS,
    TaskFilter,
    count_waiting,
    find_task,
    newest_tasks,
    page_of_tasks,
    parts_of,
    tasks_by_id,
    tasks_under_way,
)
from models.states import JobStatus
from worker.midjourney.task_reader import read_task_views
from worker.scheduler.wait_reason import SchedulerView

# Why a task has not begun: how many are before it, and what its first call waits for.


async def waiting_of(connection: AsyncConnection, services: ApiServices, task: Row[Any]) -> dict[str, Any]:
    """Return what is shown in the properties of a task of which no call has started."""
    ahead = await count_waiting(connection, task.caller_id, most=COUNTED, before=task.id)
    parts = await parts_of(connection, [task.id])
    queued = next((part.job_id for part in parts if part.status == JobStatus.QUEUED), None)
    job = None if queued is None else await find_job(connection, queued, caller_id=task.caller_id)
    if job is None:
        return {"numberOfQueues": ahead}
    at = services.clock()
    why = SchedulerView(await services.snapshots.refresh(connection, at), at).wait_status(queued_of(job))
    return {"numberOfQueues": ahead, "waitingReason": why.reason.value, "waitingDetail": why.detail}


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
            raise SubmitError(Code.NOT_FOUND, "There is no such task.", status=404)
        view = (await read_task_views(connection, [task], settings=services.settings))[0]
        if view["status"] == TaskStatus.NOT_START:
            view["properties"] |= await waiting_of(connection, services, task)
    return Json(view)


async def list_newest(request: Request) -> Response:
    """List the newest tasks, newest first."""
    services = services_of(request)
    caller = await authenticated(request, services)
    async with services.database.reading() as connection:
        tasks = await newest_tasks(connection, caller.id, limit=_LISTED)
        return Json(await read_task_views(connection, tasks, settings=services.settings))


async def list_queue(request: Request) -> Response:
    """List what waits or runs, oldest first."""
    services = services_of(request)
    caller = await authenticated(request, services)
    async with services.database.reading() as connection:
        tasks = await tasks_under_way(connection, caller.id, limit=_UNDER_WAY)
        return Json(await read_task_views(connection, tasks, settings=services.settings))


async def list_some(request: Request) -> Response:
    """List tasks by number: only what was asked for, and nothing for numbers that nobody knows."""
    services = services_of(request)
    caller = await authenticated(request, services)
    numbers = await _numbers(request)
    async with services.database.reading() as connection:
        found = {task.id: task for task in await tasks_by_id(connection, numbers, caller_id=caller.id)}
        tasks = [found[number] for number in numbers if number in found]
        return Json(await read_task_views(connection, tasks, settings=services.settings))


async def _numbers(request: Request) -> Sequence[int]:
    """Return the numbers in ``ids``, strings or not, each once. Raises ``Refusal``."""
    _, body = await read_json(request)
    given: Any = body.get("ids") if isinstance(body, dict) else body
    if given is None:
        return []
    if not isinstance(given, list):
        raise SubmitError(Code.INVALID, "ids: must be a list")
    if len(given) > _ASKED:
        raise SubmitError(Code.INVALID, f"ids: at most {_ASKED:,} at once")
    return list(dict.fromkeys(number for each in given if (number := number_of(each)) is not None))


# Tasks page by page, as the admin pages of midjourney-proxy-plus ask for them.

_LONGEST = 1000
_FARTHEST = 10_000_000


class PageBody(BaseModel):
    """What is wanted. Unknown members are ignored, and so is null."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="ignore", coerce_numbers_to_str=True, frozen=True
    )

    page_number: int = Field(0, ge=0, le=_FARTHEST)
    page_size: int = Field(10, ge=1, le=_LONGEST)
    sort: str | None = None
    id: str | None = None
    ids: list[Any] | None = Field(None, max_length=_LONGEST)
    status: str | None = None
    status_set: list[str] | None = None


async def query_tasks(request: Request) -> Response:
    """Answer one page, in the shape of Spring's pages."""
    services = services_of(request)
    caller = await authenticated(request, services)
    _, value = await read_json(request)
    if isinstance(value, dict):
        value = {name: each for name, each in value.items() if each is not None}
    try:
        body = PageBody.model_validate(value)
    except ValidationError as error:
        raise SubmitError(Code.INVALID, legible(rejection_of(error).message)) from error
    sort, _, direction = (body.sort or "id,desc").partition(",")
    async with services.database.reading() as connection:
        tasks, total = await page_of_tasks(
            connection,
            caller.id,
            _wanted(body, value),
            sort=sort if sort in SORTS else "id",
            descending=direction.strip().lower() != "asc",
            offset=body.page_number * body.page_size,
            limit=body.page_size,
        )
        content = await read_task_views(connection, tasks, settings=services.settings)
    return Json(_page(body, content, total))


def _wanted(body: PageBody, value: dict[str, Any]) -> TaskFilter:
    words = {name: str(value[name]) for name in FILTERS if value.get(name)}
    given = [*(body.ids or ()), *([body.id] if body.id else ())]
    ids = [number for each in given if (number := number_of(each)) is not None] if given else None
    statuses = [*(body.status_set or ()), *([body.status] if body.status else ())]
    if unknown := sorted(set(statuses) - set(TaskStatus)):
        raise SubmitError(Code.INVALID, legible(f"status: there is no {unknown[0]}"))
    return TaskFilter(words=words, ids=ids, statuses=[TaskStatus(each) for each in statuses])


def _page(body: PageBody, content: list[dict[str, Any]], total: int) -> dict[str, Any]:
    pages = -(-total // body.page_size)
    return {
        "content": content,
        "totalElements": total,
        "totalPages": pages,
        "number": body.page_number,
        "size": body.page_size,
        "numberOfElements": len(content),
        "first": body.page_number == 0,
        "last": body.page_number >= pages - 1,
        "empty": not content,
    }
