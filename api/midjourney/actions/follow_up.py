"""What a follow-up knows: the finished task that it begins with, and the button that was pressed on it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from starlette.responses import Response

from api.midjourney.context import RequestContext
from api.midjourney.prompt import read_prompt
from api.midjourney.responses import SubmitError
from api.midjourney.task_ids import number_of
from api.midjourney.translate import ImageParameters, edit_of
from models.midjourney.buttons import buttons_on
from models.midjourney.custom_ids import ButtonPress
from models.midjourney.protocol import Code, TaskStatus
from models.queries.midjourney.tasks import assets_by_id, find_task


@dataclass(frozen=True, slots=True)
class FollowUp:
    """One follow-up, checked: the parent is the caller's and successful, and offers this button.

    After a dialog, ``words`` and ``mask`` are what was sent with it; ``continues`` is the task that waited.
    """

    asked: RequestContext
    parent: Row[Any]
    press: ButtonPress
    words: str | None = None
    mask: str | None = None
    continues: int | None = None

    @property
    def wish(self) -> ImageParameters:
        """What the new picture shows, and its size: as the dialog says, or like the parent."""
        request = self.parent.request
        if self.words is None:
            return ImageParameters(request.get("words", request.get("prompt", "")), size=request.get("size"))
        parameters = edit_of(read_prompt(self.words))
        return parameters if parameters.size else replace(parameters, size=request.get("size"))

    @property
    def said(self) -> str:
        """What the new picture shows, in words."""
        return self.wish.text


NO_VIDEO_MODEL = "Videos need a video model: set DARKROOM_MIDJOURNEY_VIDEO_MODEL and start again."
NO_EXTENSION = (
    "Videos can't be extended here: the model begins with pictures, and no picture of a video's end is kept. "
    "Make another one that begins with a picture."
)

FollowUpHandler = Callable[[FollowUp], Awaitable[Response]]


async def parent_of(context: RequestContext, task_id: str | None) -> Row[Any]:
    """Return the task to go on from. Raises ``Refusal``: 3 for an unknown one, 4 for one that is not done."""
    if not (task_id or "").strip():
        raise SubmitError(Code.INVALID, "taskId: must not be empty")
    number = number_of(task_id)
    async with context.services.database.reading() as connection:
        caller_id = context.caller.id
        parent = None if number is None else await find_task(connection, number, caller_id=caller_id)
    if parent is None:
        raise SubmitError(Code.NOT_FOUND, "There is no such task, or it is not yours.")
    if parent.outcome != TaskStatus.SUCCESS:
        raise SubmitError(Code.INVALID, "This task has not succeeded, so nothing can follow from it.")
    return parent


async def picture_of(follow: FollowUp, number: int) -> Row[Any]:
    """Return a picture of the parent by its number, from 1. Raises ``Refusal`` if it is gone."""
    pictures = follow.parent.pictures
    if 1 <= number <= len(pictures):
        async with follow.asked.services.database.reading() as connection:
            if found := await assets_by_id(connection, [UUID(pictures[number - 1])]):
                return found[0]
    raise SubmitError(Code.INVALID, "This picture is not kept any more.")


def offered(context: RequestContext, parent: Row[Any], press: ButtonPress) -> ButtonPress:
    """Return the button of the parent that was pressed, in our spelling. Raises ``Refusal``.

    Clients build customIds by themselves from the hash in another button: verb, number and hash count.
    """
    buttons = buttons_on(parent, context.services.settings)
    if found := next((button for button in buttons if press.means(button)), None):
        return found
    if press.verb.lower().startswith("animate_"):
        raise SubmitError(Code.INVALID, _no_video(context, press))
    raise SubmitError(Code.INVALID, "This task does not offer that action.")


def _no_video(context: RequestContext, press: ButtonPress) -> str:
    if context.services.settings.midjourney_video_model is None:
        return NO_VIDEO_MODEL
    return NO_EXTENSION if press.verb.lower().endswith("_extend") else "Only single pictures can be animated."
