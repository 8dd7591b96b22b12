"""What a follow-up knows: the finished task that it begins with, and the button that was pressed on it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from starlette.responses import Response

from api.midjourney.context import Asked
from api.midjourney.prompt import read_prompt
from api.midjourney.responses import Refusal
from api.midjourney.task_ids import number_of
from api.midjourney.translate import Wish, edit_of
from models.midjourney.buttons import presses_on
from models.midjourney.custom_ids import Press
from models.midjourney.protocol import Code, TaskStatus
from models.queries.midjourney.tasks import assets_by_id, find_task


@dataclass(frozen=True, slots=True)
class Follow:
    """One follow-up, checked: the parent is the caller's and successful, and offers this button.

    After a dialog, ``words`` and ``mask`` are what was sent with it; ``continues`` is the task that waited.
    """

    asked: Asked
    parent: Row[Any]
    press: Press
    words: str | None = None
    mask: str | None = None
    continues: int | None = None

    @property
    def wish(self) -> Wish:
        """What the new picture shows, and its size: as the dialog says, or like the parent."""
        request = self.parent.request
        if self.words is None:
            return Wish(request.get("words", request.get("prompt", "")), size=request.get("size"))
        wish = edit_of(read_prompt(self.words))
        return wish if wish.size else replace(wish, size=request.get("size"))

    @property
    def said(self) -> str:
        """What the new picture shows, in words."""
        return self.wish.text


NO_VIDEO_MODEL = "Videos need a video model: set DARKROOM_MIDJOURNEY_VIDEO_MODEL and start again."
NO_EXTENSION = (
    "Videos can't be extended here: the model begins with pictures, and no picture of a video's end is kept. "
    "Make another one that begins with a picture."
)

FollowUp = Callable[[Follow], Awaitable[Response]]


async def parent_of(asked: Asked, task_id: str | None) -> Row[Any]:
    """Return the task to go on from. Raises ``Refusal``: 3 for an unknown one, 4 for one that is not done."""
    if not (task_id or "").strip():
        raise Refusal(Code.INVALID, "taskId: must not be empty")
    number = number_of(task_id)
    async with asked.services.database.reading() as connection:
        caller_id = asked.caller.id
        parent = None if number is None else await find_task(connection, number, caller_id=caller_id)
    if parent is None:
        raise Refusal(Code.NOT_FOUND, "There is no such task, or it is not yours.")
    if parent.outcome != TaskStatus.SUCCESS:
        raise Refusal(Code.INVALID, "This task has not succeeded, so nothing can follow from it.")
    return parent


async def picture_of(follow: Follow, number: int) -> Row[Any]:
    """Return a picture of the parent by its number, from 1. Raises ``Refusal`` if it is gone."""
    pictures = follow.parent.pictures
    if 1 <= number <= len(pictures):
        async with follow.asked.services.database.reading() as connection:
            if found := await assets_by_id(connection, [UUID(pictures[number - 1])]):
                return found[0]
    raise Refusal(Code.INVALID, "This picture is not kept any more.")


def offered(asked: Asked, parent: Row[Any], press: Press) -> Press:
    """Return the button of the parent that was pressed, in our spelling. Raises ``Refusal``.

    Clients build customIds by themselves from the hash in another button: verb, number and hash count.
    """
    buttons = presses_on(parent, asked.services.settings)
    if found := next((button for button in buttons if press.means(button)), None):
        return found
    if press.verb.lower().startswith("animate_"):
        raise Refusal(Code.INVALID, _no_video(asked, press))
    raise Refusal(Code.INVALID, "This task does not offer that action.")


def _no_video(asked: Asked, press: Press) -> str:
    if asked.services.settings.midjourney_video_model is None:
        return NO_VIDEO_MODEL
    return NO_EXTENSION if press.verb.lower().endswith("_extend") else "Only single pictures can be animated."
