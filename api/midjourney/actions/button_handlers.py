"""Which verb follows which button. A new verb is a module of its own, and a line here."""

from collections.abc import Mapping

from starlette.responses import Response

from api.midjourney.actions.follow_up import Follow, FollowUp
from api.midjourney.actions.reroll import again
from api.midjourney.actions.suggested_prompts import draw_pick, pick_of
from api.midjourney.actions.upscale import upscale
from api.midjourney.actions.vary import vary, vary_region
from api.midjourney.actions.zoom import custom_zoom, pan, suggested_zoom, zoom_out
from api.midjourney.animate import animate
from api.midjourney.enlarge import enlarge
from api.midjourney.modes import mode_of
from api.midjourney.responses import Refusal
from api.midjourney.submit import NewTask, submit_dialog
from models.midjourney.custom_ids import Verb
from models.midjourney.protocol import Action, Bot, Code

FOLLOW_UPS: Mapping[str, FollowUp] = {
    Verb.UPSAMPLE: upscale,
    Verb.VARIATION: vary,
    Verb.HIGH_VARIATION: vary,
    Verb.LOW_VARIATION: vary,
    Verb.INPAINT: vary_region,
    Verb.REROLL: again,
    Verb.OUTPAINT: zoom_out,
    Verb.CUSTOM_ZOOM: custom_zoom,
    Verb.PAN_LEFT: pan,
    Verb.PAN_RIGHT: pan,
    Verb.PAN_UP: pan,
    Verb.PAN_DOWN: pan,
    Verb.UPSCALE_2X: enlarge,
    Verb.UPSCALE_4X: enlarge,
    Verb.UPSCALE_SUBTLE: enlarge,
    Verb.UPSCALE_CREATIVE: enlarge,
    Verb.ANIMATE_HIGH: animate,
    Verb.ANIMATE_LOW: animate,
    Verb.PIC_READER: draw_pick,
    Verb.PICREAD_RETRY: again,
    Verb.PROMPT_ANALYZER: draw_pick,
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


async def go_on(follow: Follow) -> Response:
    """Do what the pressed button stands for, or ask for its dialog. Raises ``Refusal``."""
    verb = follow.press.verb
    if action := DIALOGS.get(verb):
        return await _ask(follow, action, remix=False)
    if getattr(follow.asked.body, "enable_remix", None) is True and (action := REMIXED.get(verb)):
        return await _ask(follow, action, remix=True)
    return await do(follow)


async def do(follow: Follow) -> Response:
    """Do what the pressed button stands for. Raises ``Refusal``."""
    verb = FOLLOW_UPS.get(follow.press.verb)
    if verb is None:
        raise Refusal(Code.INVALID, f"{follow.press.verb} is not available here.")
    return await verb(follow)


async def _ask(follow: Follow, action: Action, *, remix: bool) -> Response:
    asked, parent, press = follow.asked, follow.parent, follow.press
    prompt = _suggested(follow)
    task = NewTask(
        action=action,
        prompt=prompt,
        description=f"/{press.verb} {parent.id}",
        bot=Bot(parent.bot),
        mode=mode_of(asked.segment, asked.body.wanted_mode, {}),
        parent_id=parent.id,
        properties={"finalPrompt": prompt, "remix": remix},
        modal={"verb": press.verb, "number": press.number},
    )
    return await submit_dialog(asked, task)


def _suggested(follow: Follow) -> str:
    """Return the prompt that the dialog begins with."""
    verb, prompt = follow.press.verb, follow.parent.prompt or ""
    if verb in (Verb.PIC_READER, Verb.PROMPT_ANALYZER):
        return pick_of(follow)
    return suggested_zoom(prompt) if verb == Verb.CUSTOM_ZOOM else prompt
