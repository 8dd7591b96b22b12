"""reroll: submit the parent's jobs again; for describe and shorten, too."""

from starlette.responses import Response

from api.midjourney.actions.follow_up import FollowUp
from api.midjourney.actions.imagine import submit_grid
from api.midjourney.job_specs import JobSpec, grid_of
from api.midjourney.prompt import parse_prompt
from api.midjourney.submit import EACH, NewTask, submit_jobs
from models.midjourney.protocol import Action, Bot
from models.request import wants_text

_RESULTS = ("picks",)  # members of a task's request that its result has added


async def reroll(follow_up: FollowUp) -> Response:
    """Submit the parent's jobs again, without a seed, which would draw the same images."""
    context, parent = follow_up.context, follow_up.parent
    if follow_up.prompt is not None:
        return await _remix(follow_up, follow_up.prompt)
    text, spec = wants_text(parent.request), JobSpec.from_json(parent.request).without_seed()
    request = {name: value for name, value in parent.request.items() if name not in _RESULTS}
    task = NewTask(
        action=Action(parent.action) if text else Action.REROLL,
        prompt=None if text else parent.prompt,
        description=f"/up {parent.id} R",
        bot=Bot(parent.bot),
        mode=context.mode(),
        request={**request, **spec.to_json()},
        parent_id=parent.id,
        dialog_task_id=follow_up.dialog_task_id,
    )
    if each := parent.request.get(EACH):
        specs = [JobSpec.from_json(request).without_seed() for request in each]
    else:
        specs = [spec if text else grid_of(context.services.settings, spec)]
    return await submit_jobs(context, task, specs)


async def _remix(follow_up: FollowUp, text: str) -> Response:
    """Submit a grid for the dialog's prompt, with the parent's stored input images."""
    parent = follow_up.parent
    images = [image for image in parent.request.get("images", ()) if image.startswith("asset_")]
    return await submit_grid(
        follow_up.context,
        text,
        parse_prompt(text),
        images,
        bot=Bot(parent.bot),
        parent_id=parent.id,
        dialog_task_id=follow_up.dialog_task_id,
    )
