"""Upscalers: one picture drawn again with more detail. U1 to U4 are no upscalers: see ``upscale``."""

from starlette.responses import Response

from api.midjourney.actions.edit import following, submit_edit
from api.midjourney.actions.follow_up import Follow, picture_of
from api.midjourney.actions.prompt_templates import Task
from models.midjourney.custom_ids import Verb
from models.midjourney.protocol import Action

_ORDERS = {
    Verb.UPSCALE_2X: Task.UPSCALE_2X,
    Verb.UPSCALE_4X: Task.UPSCALE_4X,
    Verb.UPSCALE_SUBTLE: Task.UPSCALE_SUBTLE,
    Verb.UPSCALE_CREATIVE: Task.UPSCALE_CREATIVE,
}


async def enlarge(follow: Follow) -> Response:
    """Draw one picture again, larger."""
    picture = await picture_of(follow, 1)
    order = _ORDERS[Verb(follow.press.verb)]
    return await submit_edit(follow.asked, following(follow, picture, action=Action.UPSCALE_HD, order=order))
