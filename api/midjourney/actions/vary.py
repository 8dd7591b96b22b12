"""Variations: V1 to V4, strong and subtle ones, and of a region under a mask."""

from dataclasses import replace

from starlette.responses import Response

from api.midjourney.actions.edit import edit_of_parent, submit_edit, with_mask
from api.midjourney.actions.follow_up import FollowUp, image_of_parent
from api.midjourney.actions.prompt_templates import PromptTemplate
from api.midjourney.image_inputs import take_image
from api.midjourney.responses import SubmitError
from models.midjourney.custom_ids import Verb
from models.midjourney.protocol import Action, Code

_TEMPLATES = {
    Verb.VARIATION: PromptTemplate.VARY,
    Verb.HIGH_VARIATION: PromptTemplate.VARY_STRONG,
    Verb.LOW_VARIATION: PromptTemplate.VARY_SUBTLE,
}


async def vary(follow_up: FollowUp) -> Response:
    """Draw a grid of variations of one image."""
    verb = Verb(follow_up.button.verb)
    of_grid = verb is Verb.VARIATION
    template = _TEMPLATES[verb]
    if of_grid and getattr(follow_up.context.body, "strong", None) is True:
        template = PromptTemplate.VARY_STRONG
    number = follow_up.button.number if of_grid else 1
    image = await image_of_parent(follow_up, number)
    edit = replace(edit_of_parent(follow_up, image, action=Action.VARIATION, template=template), grid=True)
    if of_grid:
        edit = replace(edit, description=f"/up {follow_up.parent.id} V{number}")
    return await submit_edit(follow_up.context, edit)


async def vary_region(follow_up: FollowUp) -> Response:
    """Draw the masked part of an image anew; the model gets the image, the mask and the image with a hole."""
    context, image = follow_up.context, await image_of_parent(follow_up, 1)
    if not (follow_up.mask or "").strip():
        raise SubmitError(Code.INVALID, "maskBase64: is required; paint white what shall change")
    mask = await take_image(context, follow_up.mask or "", field="maskBase64")
    edit = edit_of_parent(follow_up, image, action=Action.VARIATION, template=PromptTemplate.VARY_REGION)
    return await submit_edit(context, with_mask(replace(edit, grid=True), mask))
