"""Which verb follows which button. A new verb is a module of its own, and a line here."""

import re
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from api.midjourney.actions.follow_up import FollowUp, FollowUpHandler, offered, parent_of
from api.midjourney.actions.reroll import reroll
from api.midjourney.actions.suggested_prompts import draw_suggested_prompt, suggested_prompt_of
from api.midjourney.actions.upscale import upscale, upscale_again
from api.midjourney.actions.vary import vary, vary_region
from api.midjourney.actions.video import animate
from api.midjourney.actions.zoom import custom_zoom, pan, suggested_zoom, zoom_out
from api.midjourney.context import RequestContext, asked_for
from api.midjourney.responses import SubmitError
from api.midjourney.schemas import Body
from api.midjourney.submit import NewTask, submit_dialog
from api.midjourney.translate import mode_of
from models.midjourney.custom_ids import ButtonPress, Verb, read_custom_id
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
    Verb.UPSCALE_2X: upscale_again,
    Verb.UPSCALE_4X: upscale_again,
    Verb.UPSCALE_SUBTLE: upscale_again,
    Verb.UPSCALE_CREATIVE: upscale_again,
    Verb.ANIMATE_HIGH: animate,
    Verb.ANIMATE_LOW: animate,
    Verb.PIC_READER: draw_suggested_prompt,
    Verb.PICREAD_RETRY: reroll,
    Verb.PROMPT_ANALYZER: draw_suggested_prompt,
}

#: Buttons that wait for a dialog, and what their tasks are called meanwhile.
DIALOGS: Mapping[str, Action] = {
    Verb.INPAINT: Action.VARIATION,
    Verb.CUSTOM_ZOOM: Action.ZOOM,
    Verb.PIC_READER: Action.IMAGINE,
    Verb.PROMPT_ANALYZER: Action.IMAGINE,
}

#: Buttons that wait for a new prompt only if the client asks for that: others would never answer.
REMIXED: Mapping[str, Action] = {
    Verb.VARIATION: Action.VARIATION,
    Verb.HIGH_VARIATION: Action.VARIATION,
    Verb.LOW_VARIATION: Action.VARIATION,
    Verb.REROLL: Action.REROLL,
    Verb.PAN_LEFT: Action.PAN,
    Verb.PAN_RIGHT: Action.PAN,
    Verb.PAN_UP: Action.PAN,
    Verb.PAN_DOWN: Action.PAN,
}


async def go_on(follow: FollowUp) -> Response:
    """Do what the pressed button stands for, or ask for its dialog. Raises ``Refusal``."""
    verb = follow.press.verb
    if action := DIALOGS.get(verb):
        return await _ask(follow, action, remix=False)
    if getattr(follow.asked.body, "enable_remix", None) is True and (action := REMIXED.get(verb)):
        return await _ask(follow, action, remix=True)
    return await do(follow)


async def do(follow: FollowUp) -> Response:
    """Do what the pressed button stands for. Raises ``Refusal``."""
    verb = FOLLOW_UPS.get(follow.press.verb)
    if verb is None:
        raise SubmitError(Code.INVALID, f"{follow.press.verb} is not available here.")
    return await verb(follow)


async def _ask(follow: FollowUp, action: Action, *, remix: bool) -> Response:
    context, parent, press = follow.asked, follow.parent, follow.press
    prompt = _suggested(follow)
    task = NewTask(
        action=action,
        prompt=prompt,
        description=f"/{press.verb} {parent.id}",
        bot=Bot(parent.bot),
        mode=mode_of(context.segment, context.body.wanted_mode, {}),
        parent_id=parent.id,
        properties={"finalPrompt": prompt, "remix": remix},
        modal={"verb": press.verb, "number": press.number},
    )
    return await submit_dialog(context, task)


def _suggested(follow: FollowUp) -> str:
    """Return the prompt that the dialog begins with."""
    verb, prompt = follow.press.verb, follow.parent.prompt or ""
    if verb in (Verb.PIC_READER, Verb.PROMPT_ANALYZER):
        return suggested_prompt_of(follow)
    return suggested_zoom(prompt) if verb == Verb.CUSTOM_ZOOM else prompt


# action, change and simple-change: three ways to press the same buttons.

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
    context, body = await asked_for(request, ActionBody)
    if not (body.custom_id or "").strip():
        raise SubmitError(Code.INVALID, "customId: must not be empty")
    press = read_custom_id(body.custom_id or "")
    parent = await parent_of(context, body.task_id)
    if press is None:
        raise SubmitError(Code.INVALID, "customId: is not one of a button")
    return await go_on(FollowUp(context, parent, offered(context, parent, press)))


async def change(request: Request) -> Response:
    """Press a button named by its kind and number."""
    context, body = await asked_for(request, ChangeBody)
    if not (body.task_id or "").strip():
        raise SubmitError(Code.INVALID, "taskId: must not be empty")
    verb = _WORDS.get((body.action or "").strip().upper())
    if verb is None:
        raise SubmitError(Code.INVALID, f"action: must be among {', '.join(_WORDS)}")
    if verb is not Verb.REROLL and not 1 <= (body.index or 0) <= 4:
        raise SubmitError(Code.INVALID, "index: must be 1 to 4")
    return await _pressed(context, body.task_id, verb, body.index or 0)


async def simple_change(request: Request) -> Response:
    """Press a button named by one letter and its number."""
    context, body = await asked_for(request, SimpleChangeBody)
    words = (body.content or "").split()
    found = _SIMPLE.fullmatch(words[1]) if len(words) == 2 else None
    if found is None:
        raise SubmitError(Code.INVALID, "content: must be a task's id and U1 to U4, V1 to V4 or R")
    verb = _LETTERS[(found[1] or found[3]).upper()]
    return await _pressed(context, words[0], verb, int(found[2] or 0))


async def _pressed(context: RequestContext, task_id: str | None, verb: Verb, number: int) -> Response:
    parent = await parent_of(context, task_id)
    press = ButtonPress(verb, 0 if verb is Verb.REROLL else number, parent.hash)
    return await go_on(FollowUp(context, parent, offered(context, parent, press)))
