"""Endpoints that read tasks: one, several by id, open ones, the newest, pages; a task's image and seed."""

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Caller
from api.image_response import image_response
from api.jobs.reader import queued_of
from api.jobs.validation import rejection_of
from api.midjourney.auth import authenticated
from api.midjourney.responses import Json, SubmitError, short_text, submit_response
from api.midjourney.submit import MAX_COUNTED
from api.midjourney.task_ids import first_task_id, parse_task_id
from api.services import ApiServices, services_of
from api.web.json_body import read_json
from models.midjourney.protocol import Code, TaskStatus
from models.midjourney.seeds import SEED_LIMIT
from models.queries.jobs import find_jobs
from models.queries.midjourney.tasks import (
    SORT_COLUMNS,
    TEXT_FILTERS,
    TaskFilter,
    assets_by_id,
    find_task,
    first_waiting,
    instant_tasks,
    newest_tasks,
    open_tasks,
    page_of_tasks,
    parts_of,
    tasks_by_id,
)
from models.states import JobStatus
from worker.midjourney.task_reader import read_task_views
from worker.scheduler.wait_reason import SchedulerView

_MAX_NEWEST = 100
_MAX_OPEN = 1000
_MAX_IDS = 10_000
_MAX_PAGE_SIZE = 1000
_MAX_PAGE = 10_000_000


async def fetch(request: Request) -> Response:
    """Return a task. Those of one caller's concurrent requests are read together."""
    services = services_of(request)
    caller = await authenticated(request, services)
    task_id, view = parse_task_id(request.path_params["task_id"]), None
    if task_id is not None:
        read = partial(_read_together, services, caller)
        view = await services.task_polls.get((services.database, caller.id), task_id, read)
    if view is None:
        raise SubmitError(Code.NOT_FOUND, "There is no such task.", status=404)
    return Json(view)


async def _read_together(
    services: ApiServices, caller: Caller, task_ids: Sequence[int]
) -> dict[int, dict[str, Any]]:
    async with services.database.reading() as connection:
        tasks = await tasks_by_id(connection, task_ids, caller_id=caller.id)
        views = await read_task_views(connection, tasks, settings=services.settings, at=services.clock())
        found = {task.id: view for task, view in zip(tasks, views, strict=True)}
        waiting = [task_id for task_id, view in found.items() if view["status"] == TaskStatus.NOT_START]
        if waiting:
            for task_id, members in (await _waiting(connection, services, caller, waiting)).items():
                found[task_id]["properties"] |= members
    return found


async def _waiting(
    connection: AsyncConnection, services: ApiServices, caller: Caller, task_ids: Sequence[int]
) -> dict[int, dict[str, Any]]:
    """Return queue position and wait reason for the properties of tasks of which no call has started."""
    before = await first_waiting(connection, caller.id, before=max(task_ids), most=MAX_COUNTED)
    found: dict[int, dict[str, Any]] = {
        task_id: {"numberOfQueues": bisect_left(before, task_id)} for task_id in task_ids
    }
    queued: dict[UUID, int] = {}  # the first queued job of each task
    for part in await parts_of(connection, task_ids):
        if part.status == JobStatus.QUEUED and part.task_id not in queued.values():
            queued[part.job_id] = part.task_id
    if not queued:
        return found
    at = services.clock()
    view = SchedulerView(await services.snapshots.refresh(connection, at), at)
    for job in await find_jobs(connection, list(queued), caller_id=caller.id):
        status = view.wait_status(queued_of(job))
        found[queued[job.id]] |= {"waitingReason": status.reason.value, "waitingDetail": status.detail}
    return found


async def image(request: Request) -> Response:
    """Send the image that a task shows. It needs the API key; the image's own URL does not."""
    services = services_of(request)
    caller = await authenticated(request, services)
    async with services.database.reading() as connection:
        task = await _find(connection, caller, request)
        asset_ids = [] if task is None or task.asset_id is None else [task.asset_id]
        found = await assets_by_id(connection, asset_ids)
    if not found:
        raise SubmitError(Code.NOT_FOUND, "There is no such picture.", status=404)
    return await image_response(request, services, found[0])


async def image_seed(request: Request) -> Response:
    """Return the seed in a task's prompt; without one, a number derived from the task's hash."""
    services = services_of(request)
    caller = await authenticated(request, services)
    async with services.database.reading() as connection:
        task = await _find(connection, caller, request)
    if task is None:
        raise SubmitError(Code.NOT_FOUND, "There is no such task.", status=404)
    if task.outcome != TaskStatus.SUCCESS:
        raise SubmitError(Code.INVALID, "This task has not succeeded, so it has no seed.")
    given = task.request.get("params", {}).get("seed")
    return submit_response(Code.SUCCESS, "The seed.", str(given or task.hash.int % (SEED_LIMIT - 1) + 1))


async def list_newest(request: Request) -> Response:
    """List the newest tasks, newest first."""
    services = services_of(request)
    caller = await authenticated(request, services)
    async with services.database.reading() as connection:
        tasks = await newest_tasks(connection, caller.id, limit=_MAX_NEWEST)
        return Json(await read_task_views(connection, tasks, settings=services.settings, at=services.clock()))


async def list_queue(request: Request) -> Response:
    """List waiting and running tasks, oldest first."""
    services = services_of(request)
    caller = await authenticated(request, services)
    async with services.database.reading() as connection:
        at = services.clock()
        since = first_task_id(at - timedelta(seconds=services.settings.midjourney_instant_delay))
        tasks = [
            *await open_tasks(connection, caller.id, limit=_MAX_OPEN),
            *await instant_tasks(connection, caller.id, since=since, at=at),
        ]
        tasks.sort(key=lambda task: task.id)
        return Json(await read_task_views(connection, tasks, settings=services.settings, at=services.clock()))


async def list_by_ids(request: Request) -> Response:
    """List tasks by id, in the order of the request; unknown ids are skipped."""
    services = services_of(request)
    caller = await authenticated(request, services)
    task_ids = await _requested_ids(request, caller)
    async with services.database.reading() as connection:
        found = {task.id: task for task in await tasks_by_id(connection, task_ids, caller_id=caller.id)}
        tasks = [found[task_id] for task_id in task_ids if task_id in found]
        return Json(await read_task_views(connection, tasks, settings=services.settings, at=services.clock()))


async def _requested_ids(request: Request, caller: Caller) -> Sequence[int]:
    """Return the ids in ``ids``, strings or numbers, each once. Raises ``SubmitError``."""
    _, body = await read_json(request, caller)
    given: Any = body.get("ids") if isinstance(body, dict) else body
    if given is None:
        return []
    if not isinstance(given, list):
        raise SubmitError(Code.INVALID, "ids: must be a list")
    if len(given) > _MAX_IDS:
        raise SubmitError(Code.INVALID, f"ids: at most {_MAX_IDS:,} at once")
    return list(dict.fromkeys(_valid_ids(given)))


class PageBody(BaseModel):
    """Body of a page request. Unknown members and ``null`` are ignored."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="ignore", coerce_numbers_to_str=True, frozen=True
    )

    page_number: int = Field(0, ge=0, le=_MAX_PAGE)
    page_size: int = Field(10, ge=1, le=_MAX_PAGE_SIZE)
    sort: str | None = None
    id: str | None = None
    ids: list[Any] | None = Field(None, max_length=_MAX_PAGE_SIZE)
    status: str | None = None
    status_set: list[str] | None = None


async def query_tasks(request: Request) -> Response:
    """Return a page of filtered tasks in the shape of Spring's pages, as midjourney-proxy-plus does."""
    services = services_of(request)
    caller = await authenticated(request, services)
    _, value = await read_json(request, caller)
    if isinstance(value, dict):
        value = {name: member for name, member in value.items() if member is not None}
    try:
        body = PageBody.model_validate(value)
    except ValidationError as error:
        raise SubmitError(Code.INVALID, short_text(rejection_of(error).message)) from error
    sort, _, direction = (body.sort or "id,desc").partition(",")
    async with services.database.reading() as connection:
        tasks, total = await page_of_tasks(
            connection,
            caller.id,
            _task_filter(body, value, services.clock()),
            sort=sort if sort in SORT_COLUMNS else "id",
            descending=direction.strip().lower() != "asc",
            offset=body.page_number * body.page_size,
            limit=body.page_size,
        )
        content = await read_task_views(connection, tasks, settings=services.settings, at=services.clock())
    return Json(_page(body, content, total))


def _task_filter(body: PageBody, value: dict[str, Any], at: datetime) -> TaskFilter:
    texts = {name: str(value[name]) for name in TEXT_FILTERS if value.get(name)}
    given = [*(body.ids or ()), *([body.id] if body.id else ())]
    statuses = [*(body.status_set or ()), *([body.status] if body.status else ())]
    if unknown := sorted(set(statuses) - set(TaskStatus)):
        raise SubmitError(Code.INVALID, short_text(f"status: there is no {unknown[0]}"))
    return TaskFilter(
        texts=texts,
        ids=_valid_ids(given) if given else None,
        statuses=[TaskStatus(status) for status in statuses],
        at=at,
    )


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


async def _find(connection: AsyncConnection, caller: Caller, request: Request) -> Row[Any] | None:
    """Return the task that the path names, or ``None``."""
    task_id = parse_task_id(request.path_params["task_id"])
    return None if task_id is None else await find_task(connection, task_id, caller_id=caller.id)


def _valid_ids(given: Sequence[Any]) -> list[int]:
    return [task_id for value in given if (task_id := parse_task_id(value)) is not None]
