"""Upscales: U1 to U4 select an image of a grid without a call; upscalers draw one image again, larger."""

from uuid import UUID

from starlette.responses import Response

from api.midjourney.actions.edit import edit_of_parent, submit_edit
from api.midjourney.actions.follow_up import FollowUp, image_of_parent
from api.midjourney.actions.prompt_templates import PromptTemplate
from api.midjourney.submit import NewTask, submit_ended
from models.midjourney.custom_ids import Verb
from models.midjourney.protocol import Action, Bot, TaskStatus

_TEMPLATES = {
    Verb.UPSCALE_2X: PromptTemplate.UPSCALE_2X,
    Verb.UPSCALE_4X: PromptTemplate.UPSCALE_4X,
    Verb.UPSCALE_SUBTLE: PromptTemplate.UPSCALE_SUBTLE,
    Verb.UPSCALE_CREATIVE: PromptTemplate.UPSCALE_CREATIVE,
}


async def upscale(follow_up: FollowUp) -> Response:
    """Submit a task of one image of a grid (U1 to U4), which has succeeded already."""
    context, parent, number = follow_up.context, follow_up.parent, follow_up.button.number
    image: UUID = (await image_of_parent(follow_up, number)).id
    task = NewTask(
        action=Action.UPSCALE,
        prompt=parent.prompt,
        description=f"/up {parent.id} U{number}",
        bot=Bot(parent.bot),
        mode=context.mode(),
        request={**parent.request, "wanted": 1},
        parent_id=parent.id,
        result={
            "outcome": TaskStatus.SUCCESS.value,
            "asset_id": image,
            "pictures": [str(image)],
        },
    )
    return await submit_ended(context, task)


async def redraw_larger(follow_up: FollowUp) -> Response:
    """Draw one image again, larger and with more detail."""
    image = await image_of_parent(follow_up, 1)
    template = _TEMPLATES[Verb(follow_up.button.verb)]
    edit = edit_of_parent(follow_up, image, action=Action.UPSCALE_HD, template=template)
    return await submit_edit(follow_up.context, edit)
