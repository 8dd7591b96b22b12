"""modal: continue a task that waits for its dialog, with the prompt and the mask of the client."""

from typing import Any

from sqlalchemy import Row
from starlette.requests import Request
from starlette.responses import Response

from api.midjourney.actions.button_handlers import run_follow_up
from api.midjourney.actions.follow_up import FollowUp
from api.midjourney.context import RequestContext, request_context
from api.midjourney.prompt import check_banned_words, clean_prompt
from api.midjourney.responses import SubmitError
from api.midjourney.schemas import Body, Prompt
from api.midjourney.task_ids import parse_task_id
from models.midjourney.custom_ids import Button
from models.midjourney.protocol import Code
from models.queries.midjourney.tasks import find_task


class ModalBody(Body):
    """Body of modal."""

    task_id: str | None = None
    prompt: Prompt = None
    mask_base64: str | None = None


async def modal(request: Request) -> Response:
    """Continue a task that waits for its dialog; without a prompt, with the one it suggested."""
    context, body = await request_context(request, ModalBody)
    if not (body.task_id or "").strip():
        raise SubmitError(Code.INVALID, "taskId: must not be empty")
    given = clean_prompt(body.prompt, context.services.settings)
    task, parent = await _find_waiting(context, body.task_id)
    button = Button(task.modal["verb"], task.modal["number"], parent.hash)
    prompt = given or task.properties.get("finalPrompt", "")
    check_banned_words(prompt, context.services.settings)  # a text model may have suggested it
    follow_up = FollowUp(
        context, parent, button, prompt=prompt, mask=body.mask_base64, dialog_task_id=task.id
    )
    return await run_follow_up(follow_up)


async def _find_waiting(context: RequestContext, task_id: str | None) -> tuple[Row[Any], Row[Any]]:
    """Return the task that waits for its dialog, and its parent. Raises ``SubmitError``."""
    found_id, caller_id = parse_task_id(task_id), context.caller.id
    async with context.services.database.reading() as connection:
        task = None if found_id is None else await find_task(connection, found_id, caller_id=caller_id)
        if task is None:
            raise SubmitError(Code.NOT_FOUND, "There is no such task, or it is not yours.")
        if task.modal is None or task.outcome is not None:
            raise SubmitError(Code.INVALID, "This task does not wait for a dialog.")
        parent = await find_task(connection, task.parent_id, caller_id=caller_id)
    if parent is None:
        raise SubmitError(Code.NOT_FOUND, "The task that it begins with is gone.")
    return task, parent
