"""A task's picture by the task's number, for those with the key; the picture's own address needs none."""

from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from api.image_response import picture_answer
from api.midjourney.auth import authenticated
from api.midjourney.responses import Refusal
from api.midjourney.task_ids import number_of
from api.services import Services, services_of
from models.midjourney.protocol import Code
from models.queries.midjourney.tasks import assets_by_id, find_task


async def image(request: Request) -> Response:
    """Send what a task shows."""
    services = services_of(request)
    caller = await authenticated(request, services)
    found = await _shown(services, caller.id, request.path_params["task_id"])
    if found is None:
        raise Refusal(Code.NOT_FOUND, "There is no such picture.", status=404)
    return await picture_answer(request, services, found)


async def _shown(services: Services, caller_id: UUID, task_id: str) -> object | None:
    number = number_of(task_id)
    if number is None:
        return None
    async with services.database.reading() as connection:
        task = await find_task(connection, number, caller_id=caller_id)
        if task is None or task.asset_id is None:
            return None
        return next(iter(await assets_by_id(connection, [task.asset_id])), None)
