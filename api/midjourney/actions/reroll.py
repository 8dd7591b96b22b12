"""Doing the same again: reroll, and describing a picture once more."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from api.midjourney.actions.follow_up import FollowUp
from api.midjourney.actions.imagine import draw, parts_of_grid
from api.midjourney.prompt import read_prompt
from api.midjourney.submit import EACH, PREPARE, NewTask, submit_jobs
from api.midjourney.translate import mode_of
from models.midjourney.protocol import Action, Bot
from models.request import wants_text

_OF_A_JOB = ("model", "prompt", "images", "size", "params", "wants", PREPARE)
_ASIDE = ("picks",)  # what only the result had


async def reroll(follow: FollowUp) -> Response:
    """Send the parent's calls again; a seed would bring the same pictures, so it is left out."""
    context, parent = follow.asked, follow.parent
    if follow.words is not None:
        images = [image for image in parent.request.get("images", ()) if image.startswith("asset_")]
        prompt = read_prompt(follow.words)
        return await draw(
            context,
            follow.words,
            prompt,
            images,
            bot=Bot(parent.bot),
            parent_id=parent.id,
            continues=follow.continues,
        )
    text, job = wants_text(parent.request), _seedless(parent.request)
    rest = {name: value for name, value in parent.request.items() if name not in _ASIDE}
    task = NewTask(
        action=Action(parent.action) if text else Action.REROLL,
        prompt=None if text else parent.prompt,
        description=f"/up {parent.id} R",
        bot=Bot(parent.bot),
        mode=mode_of(context.segment, context.body.wanted_mode, {}),
        request={**rest, **job},
        parent_id=parent.id,
        continues=follow.continues,
    )
    if each := parent.request.get(EACH):
        return await submit_jobs(context, task, [_seedless(one) for one in each])
    return await submit_jobs(context, task, [job] if text else parts_of_grid(context.services.settings, job))


def _seedless(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a call was asked for, without its seed."""
    job = {name: request[name] for name in _OF_A_JOB if name in request}
    return {**job, "params": {name: value for name, value in job.get("params", {}).items() if name != "seed"}}
