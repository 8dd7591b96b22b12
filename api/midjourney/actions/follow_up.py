"""Follow-up of a task: the finished parent task, and the button that was pressed on it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from starlette.responses import Response

from api.midjourney.context import RequestContext
from api.midjourney.prompt import parse_prompt
from api.midjourney.responses import SubmitError
from api.midjourney.task_ids import parse_task_id
from api.midjourney.translate import ImageParameters, edit_parameters
from models.midjourney.buttons import buttons_of_task
from models.midjourney.custom_ids import Button
from models.midjourney.protocol import Code, TaskStatus
from models.queries.midjourney.tasks import assets_by_id, find_task

NO_VIDEO_MODEL = "Videos need a video model: set DARKROOM_MIDJOURNEY_VIDEO_MODEL and restart Darkroom."
NO_EXTENSION = (
    "Videos can't be extended here: the model begins with pictures, and no picture of a video's end is kept. "
    "Make another one that begins with a picture."
)


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A checked follow-up: the parent is the caller's, has succeeded, and has this button.

    After a dialog, ``prompt`` and ``mask`` are what ``modal`` has sent, and ``dialog_task_id`` is the task
    that waited for it.
    """

    context: RequestContext
    parent: Row[Any]
    button: Button
    prompt: str | None = None
    mask: str | None = None
    dialog_task_id: int | None = None

    @property
    def parameters(self) -> ImageParameters:
        """What the new image shows, and its size: from the dialog's prompt, or the parent's."""
        request = self.parent.request
        if self.prompt is None:
            return ImageParameters(request.get("words", request.get("prompt", "")), size=request.get("size"))
        parameters = edit_parameters(parse_prompt(self.prompt))
        return parameters if parameters.size else replace(parameters, size=request.get("size"))


FollowUpHandler = Callable[[FollowUp], Awaitable[Response]]


async def parent_of(context: RequestContext, task_id: str | None) -> Row[Any]:
    """Return the parent task.

    Raises ``SubmitError``: code 3 for an unknown task, 4 for one that has not succeeded.
    """
    if not (task_id or "").strip():
        raise SubmitError(Code.INVALID, "taskId: must not be empty")
    found_id = parse_task_id(task_id)
    async with context.services.database.reading() as connection:
        caller_id = context.caller.id
        parent = None if found_id is None else await find_task(connection, found_id, caller_id=caller_id)
    if parent is None:
        raise SubmitError(Code.NOT_FOUND, "There is no such task, or it is not yours.")
    if parent.outcome != TaskStatus.SUCCESS:
        raise SubmitError(Code.INVALID, "This task has not succeeded, so nothing can follow from it.")
    return parent


async def image_of_parent(follow_up: FollowUp, number: int) -> Row[Any]:
    """Return an image of the parent by its number, from 1. Raises ``SubmitError`` if it is deleted."""
    images = follow_up.parent.pictures
    if 1 <= number <= len(images):
        async with follow_up.context.services.database.reading() as connection:
            if found := await assets_by_id(connection, [UUID(images[number - 1])]):
                return found[0]
    raise SubmitError(Code.INVALID, "This picture is not kept any more.")


def offered_button(context: RequestContext, parent: Row[Any], sent: Button) -> Button:
    """Return the parent's button that a client means, in our spelling. Raises ``SubmitError``.

    Clients build customIds by themselves from the hash in another button: verb, number and hash count.
    """
    buttons = buttons_of_task(parent, context.services.settings)
    if found := next((button for button in buttons if sent.matches(button)), None):
        return found
    if sent.verb.lower().startswith("animate_"):
        raise SubmitError(Code.INVALID, _no_video_reason(context, sent))
    raise SubmitError(Code.INVALID, "This task does not offer that action.")


def _no_video_reason(context: RequestContext, sent: Button) -> str:
    if context.services.settings.midjourney_video_model is None:
        return NO_VIDEO_MODEL
    return NO_EXTENSION if sent.verb.lower().endswith("_extend") else "Only single pictures can be animated."
