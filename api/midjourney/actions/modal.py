"""Dialogs: some buttons wait until the client has sent a prompt or a mask, with ``modal``."""

from typing import Any

from sqlalchemy import Row
from starlette.requests import Request
from starlette.responses import Response

from api.midjourney.actions.button_handlers import do
from api.midjourney.actions.follow_up import FollowUp
from api.midjourney.context import RequestContext, asked_for
from api.midjourney.prompt import check_words, words_of
from api.midjourney.responses import SubmitError
from api.midjourney.schemas import Body
from api.midjourney.task_ids import number_of
from models.midjourney.custom_ids import ButtonPress
from models.midjourney.protocol import Code
from models.queries.midjourney.tasks import find_task


class ModalBody(Body):
    """What modal takes."""

    task_id: str | None = None
    prompt: str | None = None
    mask_base64: str | None = None


async def modal(request: Request) -> Response:
    """Go on with a task that waits for its dialog."""
    context, body = await asked_for(request, ModalBody)
    if not (body.task_id or "").strip():
        raise SubmitError(Code.INVALID, "taskId: must not be empty")
    said = words_of(body.prompt, context.services.settings)
    task, parent = await _waiting(context, body.task_id)
    press = ButtonPress(task.modal["verb"], task.modal["number"], parent.hash)
    words = said or task.properties.get("finalPrompt", "")
    check_words(words, context.services.settings)  # a text model may have suggested them
    follow = FollowUp(context, parent, press, words=words, mask=body.mask_base64, continues=task.id)
    return await do(follow)


async def _waiting(context: RequestContext, task_id: str | None) -> tuple[Row[Any], Row[Any]]:
    """Return the task that waits, and its parent. Raises ``Refusal``."""
    number, caller_id = number_of(task_id), context.caller.id
    async with context.services.database.reading() as connection:
        task = None if number is None else await find_task(connection, number, caller_id=caller_id)
        if task is None:
            raise SubmitError(Code.NOT_FOUND, "There is no such task, or it is not yours.")
        if task.modal is None or task.outcome is not None:
            raise SubmitError(Code.INVALID, "This task does not wait for a dialog.")
        parent = await find_task(connection, task.parent_id, caller_id=caller_id)
    if parent is None:
        raise SubmitError(Code.NOT_FOUND, "The task that it begins with is gone.")
    return task, parent
