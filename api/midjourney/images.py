"""A task's picture by the task's number, for those with the key; the picture's own address needs none."""

from uuid import UUID

from pydantic import Field
from sqlalchemy import Row
from starlette.requests import Request
from starlette.responses import Response

from api.image_response import image_response
from api.midjourney.auth import authenticated
from api.midjourney.context import RequestContext, asked_for
from api.midjourney.image_inputs import store_pictures, take_pictures
from api.midjourney.responses import SubmitError, submit_response
from api.midjourney.schemas import Body, Pictures
from api.midjourney.task_ids import number_of
from api.services import ApiServices, services_of
from models.ids import parse_id
from models.midjourney.protocol import Code, TaskStatus
from models.midjourney.serializers import picture_url
from models.queries.midjourney.tasks import assets_by_id, find_task


async def image(request: Request) -> Response:
    """Send what a task shows."""
    services = services_of(request)
    caller = await authenticated(request, services)
    found = await _shown(services, caller.id, request.path_params["task_id"])
    if found is None:
        raise SubmitError(Code.NOT_FOUND, "There is no such picture.", status=404)
    return await image_response(request, services, found)


async def _shown(services: ApiServices, caller_id: UUID, task_id: str) -> object | None:
    number = number_of(task_id)
    if number is None:
        return None
    async with services.database.reading() as connection:
        task = await find_task(connection, number, caller_id=caller_id)
        if task is None or task.asset_id is None:
            return None
        return next(iter(await assets_by_id(connection, [task.asset_id])), None)


# upload-discord-images: pictures become addresses, at once; and the seed of a task.

_MOST = 20
_SEEDS = 2**32 - 1


class UploadBody(Body):
    """What upload-discord-images takes."""

    base64_array: Pictures = Field([], alias="base64Array")
    base64: str | None = None


async def upload(request: Request) -> Response:
    """Keep pictures; answer with their addresses, in order."""
    context, body = await asked_for(request, UploadBody)
    given = [picture for picture in (*body.base64_array, body.base64 or "") if picture.strip()]
    if not 1 <= len(given) <= _MOST:
        raise SubmitError(Code.INVALID, f"base64Array: needs 1 to {_MOST} pictures, not {len(given)}")
    kept = await take_pictures(context, given, field="base64Array")
    await store_pictures(context)
    return submit_response(Code.SUCCESS, "Uploaded.", await _addresses(context, kept))


async def _addresses(context: RequestContext, kept: list[str]) -> list[str]:
    ids = {each: parse_id("asset", each) for each in kept if each.startswith("asset_")}
    async with context.services.database.reading() as connection:
        rows: dict[UUID, Row[tuple[object, ...]]] = {
            row.id: row for row in await assets_by_id(connection, list(ids.values()))
        }
    public_url = context.services.public_url
    return [picture_url(rows[ids[each]], public_url) or "" if each in ids else each for each in kept]


async def image_seed(request: Request) -> Response:
    """Tell the seed that a task was asked with; without one, a number that only stands for the task."""
    services = services_of(request)
    caller = await authenticated(request, services)
    number = number_of(request.path_params["task_id"])
    async with services.database.reading() as connection:
        task = None if number is None else await find_task(connection, number, caller_id=caller.id)
    if task is None:
        raise SubmitError(Code.NOT_FOUND, "There is no such task.", status=404)
    if task.outcome != TaskStatus.SUCCESS:
        raise SubmitError(Code.INVALID, "This task has not succeeded, so it has no seed.")
    given = task.request.get("params", {}).get("seed")
    return submit_response(Code.SUCCESS, "The seed.", str(given or task.hash.int % _SEEDS + 1))
