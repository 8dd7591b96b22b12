"""Buttons: the handler of each, and the three endpoints that press them (action, change, simple-change).

A new verb is a module of its own, and a line in ``FOLLOW_UPS``.
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import Response

from api.midjourney.actions.follow_up import FollowUp, FollowUpHandler, offered_button, parent_of
from api.midjourney.actions.reroll import reroll
from api.midjourney.actions.suggested_prompts import draw_suggested_prompt, suggested_prompt_of
from api.midjourney.actions.upscale import redraw_larger, upscale
from api.midjourney.actions.vary import vary, vary_region
from api.midjourney.actions.video import animate
from api.midjourney.actions.zoom import custom_zoom, custom_zoom_prompt, pan, zoom_out
from api.midjourney.context import RequestContext, request_context
from api.midjourney.responses import SubmitError
from api.midjourney.schemas import Body
from api.midjourney.submit import NewTask, submit_dialog
from models.midjourney.custom_ids import Button, Verb, read_custom_id
from models.midjourney.protocol import Action, Bot, Code

FOLLOW_UPS: Mapping[str, FollowUpHandler] = {
    Verb.UPSAMPLE: upscale,
    Verb.VARIATION: vary,
    Verb.HIGH_VARIATION: vary,
    Verb.LOW_VARIATION: vary,
    Verb.INPAINT: vary_region,
    Verb.REROLL: reroll,
    Verb.OUTPAINT: zoom_out,
    Verb.CUSTOM_ZOOM: custom_zoom,
    Verb.PAN_LEFT: pan,
    Verb.PAN_RIGHT: pan,
    Verb.PAN_UP: pan,
    Verb.PAN_DOWN: pan,
    Verb.UPSCALE_2X: redraw_larger,
    Verb.UPSCALE_4X: redraw_larger,
    Verb.UPSCALE_SUBTLE: redraw_larger,
    Verb.UPSCALE_CREATIVE: redraw_larger,
    Verb.ANIMATE_HIGH: animate,
    Verb.ANIMATE_LOW: animate,
    Verb.PIC_READER: draw_suggested_prompt,
    Verb.PICREAD_RETRY: reroll,
    Verb.PROMPT_ANALYZER: draw_suggested_prompt,
}

DIALOGS: Mapping[str, Action] = {
    Verb.INPAINT: Action.VARIATION,
    Verb.CUSTOM_ZOOM: Action.ZOOM,
    Verb.PIC_READER: Action.IMAGINE,
    Verb.PROMPT_ANALYZER: Action.IMAGINE,
}
"""Buttons that open a dialog, and the action of the task that waits for it."""

REMIX_DIALOGS: Mapping[str, Action] = {
    Verb.VARIATION: Action.VARIATION,
    Verb.HIGH_VARIATION: Action.VARIATION,
    Verb.LOW_VARIATION: Action.VARIATION,
    Verb.REROLL: Action.REROLL,
    Verb.PAN_LEFT: Action.PAN,
    Verb.PAN_RIGHT: Action.PAN,
    Verb.PAN_UP: Action.PAN,
    Verb.PAN_DOWN: Action.PAN,
}
"""Buttons that open a dialog only with ``enableRemix``: other clients would never send ``modal``."""

_CHANGES = {"UPSCALE": Verb.UPSAMPLE, "VARIATION": Verb.VARIATION, "REROLL": Verb.REROLL}
_LETTERS = {"U": Verb.UPSAMPLE, "V": Verb.VARIATION, "R": Verb.REROLL}
_SIMPLE_CHANGE = re.compile(r"([UV])([1-4])|(R)", re.IGNORECASE)


class ActionBody(Body):
    """Body of action."""

    has_images: ClassVar[bool] = False

    task_id: str | None = None
    custom_id: str | None = None
    enable_remix: Any = None
    strong: Any = None


class ChangeBody(Body):
    """Body of change."""

    has_images: ClassVar[bool] = False

    task_id: str | None = None
    action: str | None = None
    index: int | None = None


class SimpleChangeBody(Body):
    """Body of simple-change: a task id and, for example, ``U2``."""

    has_images: ClassVar[bool] = False

    content: str | None = None


async def action(request: Request) -> Response:
    """Press the button of a customId."""
    context, body = await request_context(request, ActionBody)
    if not (body.custom_id or "").strip():
        raise SubmitError(Code.INVALID, "customId: must not be empty")
    button = read_custom_id(body.custom_id or "")
    parent = await parent_of(context, body.task_id)
    if button is None:
        raise SubmitError(Code.INVALID, "customId: is not one of a button")
    return await press_button(FollowUp(context, parent, offered_button(context, parent, button)))


async def change(request: Request) -> Response:
    """Press the button of a kind and number."""
    context, body = await request_context(request, ChangeBody)
    if not (body.task_id or "").strip():
        raise SubmitError(Code.INVALID, "taskId: must not be empty")
    verb = _CHANGES.get((body.action or "").strip().upper())
    if verb is None:
        raise SubmitError(Code.INVALID, f"action: must be among {', '.join(_CHANGES)}")
    if verb is not Verb.REROLL and not 1 <= (body.index or 0) <= 4:
        raise SubmitError(Code.INVALID, "index: must be 1 to 4")
    return await _press(context, body.task_id, verb, body.index or 0)


async def simple_change(request: Request) -> Response:
    """Press the button of a letter and number."""
    context, body = await request_context(request, SimpleChangeBody)
    words = (body.content or "").split()
    found = _SIMPLE_CHANGE.fullmatch(words[1]) if len(words) == 2 else None
    if found is None:
        raise SubmitError(Code.INVALID, "content: must be a task's id and U1 to U4, V1 to V4 or R")
    verb = _LETTERS[(found[1] or found[3]).upper()]
    return await _press(context, words[0], verb, int(found[2] or 0))


async def _press(context: RequestContext, task_id: str | None, verb: Verb, number: int) -> Response:
    parent = await parent_of(context, task_id)
    button = Button(verb, 0 if verb is Verb.REROLL else number, parent.hash)
    return await press_button(FollowUp(context, parent, offered_button(context, parent, button)))


async def press_button(follow_up: FollowUp) -> Response:
    """Run the follow-up of the button, or open its dialog. Raises ``SubmitError``."""
    verb = follow_up.button.verb
    if action := DIALOGS.get(verb):
        return await _open_dialog(follow_up, action)
    remix = getattr(follow_up.context.body, "enable_remix", None) is True
    if remix and (action := REMIX_DIALOGS.get(verb)):
        return await _open_dialog(follow_up, action)
    return await run_follow_up(follow_up)


async def run_follow_up(follow_up: FollowUp) -> Response:
    """Run the follow-up of the button. Raises ``SubmitError``."""
    handler = FOLLOW_UPS.get(follow_up.button.verb)
    if handler is None:
        raise SubmitError(Code.INVALID, f"{follow_up.button.verb} is not available here.")
    return await handler(follow_up)


async def _open_dialog(follow_up: FollowUp, action: Action) -> Response:
    context, parent, button = follow_up.context, follow_up.parent, follow_up.button
    prompt = _dialog_prompt(follow_up)
    task = NewTask(
        action=action,
        prompt=prompt,
        description=f"/{button.verb} {parent.id}",
        bot=Bot(parent.bot),
        mode=context.mode(),
        parent_id=parent.id,
        properties={"finalPrompt": prompt, "remix": True},
        modal={"verb": button.verb, "number": button.number},
    )
    return await submit_dialog(context, task)


def _dialog_prompt(follow_up: FollowUp) -> str:
    """Return the prompt that the dialog begins with."""
    verb, prompt = follow_up.button.verb, follow_up.parent.prompt or ""
    if verb in (Verb.PIC_READER, Verb.PROMPT_ANALYZER):
        return suggested_prompt_of(follow_up)
    return custom_zoom_prompt(prompt) if verb == Verb.CUSTOM_ZOOM else prompt
