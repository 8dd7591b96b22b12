"""action, change and simple-change: three ways to press the same buttons."""

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from api.midjourney.actions.button_handlers import go_on
from api.midjourney.actions.follow_up import Follow, offered, parent_of
from api.midjourney.context import Asked
from api.midjourney.responses import Refusal
from api.midjourney.routing import asked_for
from api.midjourney.schemas import Body
from models.midjourney.custom_ids import Press, Verb, read_custom_id
from models.midjourney.protocol import Code

_WORDS = {"UPSCALE": Verb.UPSAMPLE, "VARIATION": Verb.VARIATION, "REROLL": Verb.REROLL}
_LETTERS = {"U": Verb.UPSAMPLE, "V": Verb.VARIATION, "R": Verb.REROLL}
_SIMPLE = re.compile(r"([UV])([1-4])|(R)", re.IGNORECASE)


class ActionBody(Body):
    """What action takes."""

    task_id: str | None = None
    custom_id: str | None = None
    enable_remix: Any = None
    strong: Any = None


class ChangeBody(Body):
    """What change takes."""

    task_id: str | None = None
    action: str | None = None
    index: int | None = None


class SimpleChangeBody(Body):
    """What simple-change takes: a task's number and, for example, ``U2``."""

    content: str | None = None


async def action(request: Request) -> Response:
    """Press one of a task's buttons."""
    asked, body = await asked_for(request, ActionBody)
    if not (body.custom_id or "").strip():
        raise Refusal(Code.INVALID, "customId: must not be empty")
    press = read_custom_id(body.custom_id or "")
    parent = await parent_of(asked, body.task_id)
    if press is None:
        raise Refusal(Code.INVALID, "customId: is not one of a button")
    return await go_on(Follow(asked, parent, offered(asked, parent, press)))


async def change(request: Request) -> Response:
    """Press a button named by its kind and number."""
    asked, body = await asked_for(request, ChangeBody)
    if not (body.task_id or "").strip():
        raise Refusal(Code.INVALID, "taskId: must not be empty")
    verb = _WORDS.get((body.action or "").strip().upper())
    if verb is None:
        raise Refusal(Code.INVALID, f"action: must be among {', '.join(_WORDS)}")
    if verb is not Verb.REROLL and not 1 <= (body.index or 0) <= 4:
        raise Refusal(Code.INVALID, "index: must be 1 to 4")
    return await _pressed(asked, body.task_id, verb, body.index or 0)


async def simple_change(request: Request) -> Response:
    """Press a button named by one letter and its number."""
    asked, body = await asked_for(request, SimpleChangeBody)
    words = (body.content or "").split()
    found = _SIMPLE.fullmatch(words[1]) if len(words) == 2 else None
    if found is None:
        raise Refusal(Code.INVALID, "content: must be a task's id and U1 to U4, V1 to V4 or R")
    verb = _LETTERS[(found[1] or found[3]).upper()]
    return await _pressed(asked, words[0], verb, int(found[2] or 0))


async def _pressed(asked: Asked, task_id: str | None, verb: Verb, number: int) -> Response:
    parent = await parent_of(asked, task_id)
    press = Press(verb, 0 if verb is Verb.REROLL else number, parent.hash)
    return await go_on(Follow(asked, parent, offered(asked, parent, press)))
