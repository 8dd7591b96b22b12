"""Variations: V1 to V4, strong and subtle ones, and of a region under a mask."""

from starlette.responses import Response

from api.midjourney.actions.edit import following, submit_edit, with_mask
from api.midjourney.actions.follow_up import FollowUp, picture_of
from api.midjourney.actions.prompt_templates import Task
from api.midjourney.image_inputs import take_picture
from api.midjourney.responses import SubmitError
from models.midjourney.custom_ids import Verb
from models.midjourney.protocol import Action, Code

_ORDERS = {Verb.HIGH_VARIATION: Task.VARY_STRONG, Verb.LOW_VARIATION: Task.VARY_SUBTLE}


async def vary(follow: FollowUp) -> Response:
    """Draw a grid of variations of one picture."""
    of_grid = follow.press.verb == Verb.VARIATION
    number = follow.press.number if of_grid else 1
    order = Task.VARY if of_grid else _ORDERS[Verb(follow.press.verb)]
    if of_grid and getattr(follow.asked.body, "strong", None) is True:
        order = Task.VARY_STRONG
    picture = await picture_of(follow, number)
    words = f"/up {follow.parent.id} V{number}" if of_grid else f"/{order} {follow.parent.id}"
    edit = following(follow, picture, action=Action.VARIATION, order=order, grid=True, description=words)
    return await submit_edit(follow.asked, edit)


async def vary_region(follow: FollowUp) -> Response:
    """Draw one part of a picture anew: the mask goes along, and the picture with that part cut out."""
    context, picture = follow.asked, await picture_of(follow, 1)
    if not (follow.mask or "").strip():
        raise SubmitError(Code.INVALID, "maskBase64: is required; paint white what shall change")
    mask = await take_picture(context, follow.mask or "", field="maskBase64")
    edit = following(follow, picture, action=Action.VARIATION, order=Task.VARY_REGION, grid=True)
    return await submit_edit(context, with_mask(edit, mask))
