"""Tasks page by page, as the admin pages of midjourney-proxy-plus ask for them."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from starlette.requests import Request
from starlette.responses import Response

from api.jobs.validation import fault_of
from api.midjourney.auth import authenticated
from api.midjourney.responses import Json, Refusal, legible
from api.midjourney.task_ids import number_of
from api.services import services_of
from api.web.json_body import read_json
from models.midjourney.protocol import Code, TaskStatus
from models.queries.midjourney.tasks import FILTERS, SORTS, TaskFilter, page_of_tasks
from worker.midjourney.task_reader import views_of

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
        raise Refusal(Code.INVALID, legible(fault_of(error).message)) from error
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
        content = await views_of(connection, tasks, settings=services.settings)
    return Json(_page(body, content, total))


def _wanted(body: PageBody, value: dict[str, Any]) -> TaskFilter:
    words = {name: str(value[name]) for name in FILTERS if value.get(name)}
    given = [*(body.ids or ()), *([body.id] if body.id else ())]
    ids = [number for each in given if (number := number_of(each)) is not None] if given else None
    statuses = [*(body.status_set or ()), *([body.status] if body.status else ())]
    if unknown := sorted(set(statuses) - set(TaskStatus)):
        raise Refusal(Code.INVALID, legible(f"status: there is no {unknown[0]}"))
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
