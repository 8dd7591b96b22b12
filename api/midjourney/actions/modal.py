"""Dialogs: some buttons wait until the client has sent a prompt or a mask, with ``modal``."""

from typing import Any

from sqlalchemy import Row
from starlette.requests import Request
from starlette.responses import Response

from api.midjourney.actions.button_handlers import do
from api.midjourney.actions.follow_up import Follow
from api.midjourney.context import Asked, asked_for
from api.midjourney.prompt import check_words, words_of
from api.midjourney.responses import Refusal
from api.midjourney.schemas import Body
from api.midjourney.task_ids import number_of
from models.midjourney.custom_ids import Press
from models.midjourney.protocol import Code
from models.queries.midjourney.tasks import find_task


class ModalBody(Body):
    """What modal takes."""

    task_id: str | None = None
    prompt: str | None = None
    mask_base64: str | None = None


async def modal(request: Request) -> Response:
    """Go on with a task that waits for its dialog."""
    asked, body = await asked_for(request, ModalBody)
    if not (body.task_id or "").strip():
        raise Refusal(Code.INVALID, "taskId: must not be empty")
    said = words_of(body.prompt, asked.services.settings)
    task, parent = await _waiting(asked, body.task_id)
    press = Press(task.modal["verb"], task.modal["number"], parent.hash)
    words = said or task.properties.get("finalPrompt", "")
    check_words(words, asked.services.settings)  # a text model may have suggested them
    follow = Follow(asked, parent, press, words=words, mask=body.mask_base64, continues=task.id)
    return await do(follow)


async def _waiting(asked: Asked, task_id: str | None) -> tuple[Row[Any], Row[Any]]:
    """Return the task that waits, and its parent. Raises ``Refusal``."""
    number, caller_id = number_of(task_id), asked.caller.id
    async with asked.services.database.reading() as connection:
        task = None if number is None else await find_task(connection, number, caller_id=caller_id)
        if task is None:
            raise Refusal(Code.NOT_FOUND, "There is no such task, or it is not yours.")
        if task.modal is None or task.outcome is not None:
            raise Refusal(Code.INVALID, "This task does not wait for a dialog.")
        parent = await find_task(connection, task.parent_id, caller_id=caller_id)
    if parent is None:
        raise Refusal(Code.NOT_FOUND, "The task that it begins with is gone.")
    return task, parent
