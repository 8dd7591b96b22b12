"""U1 to U4: one picture out of a grid. It is there already, so nothing is called."""

from uuid import UUID

from starlette.responses import Response

from api.midjourney.actions.edit import following, submit_edit
from api.midjourney.actions.follow_up import FollowUp, picture_of
from api.midjourney.actions.prompt_templates import Task
from api.midjourney.responses import SubmitError
from api.midjourney.submit import NewTask, submit_ended
from api.midjourney.translate import mode_of
from models.midjourney.custom_ids import Verb
from models.midjourney.protocol import Action, Bot, Code, TaskStatus
from models.queries.midjourney.tasks import assets_by_id


async def upscale(follow: FollowUp) -> Response:
    """Make a task of one picture, which has succeeded at birth."""
    context, parent, number = follow.asked, follow.parent, follow.press.number
    picture = UUID(parent.pictures[number - 1])
    async with context.services.database.reading() as connection:
        if not await assets_by_id(connection, [picture]):
            raise SubmitError(Code.INVALID, "This picture is not kept any more.")
    task = NewTask(
        action=Action.UPSCALE,
        prompt=parent.prompt,
        description=f"/up {parent.id} U{number}",
        bot=Bot(parent.bot),
        mode=mode_of(context.segment, context.body.wanted_mode, {}),
        request={**parent.request, "wanted": 1},
        parent_id=parent.id,
        ended={
            "outcome": TaskStatus.SUCCESS.value,
            "asset_id": picture,
            "pictures": [str(picture)],
            "started_at": context.at,
            "finished_at": context.at,
        },
    )
    return await submit_ended(context, task)


# Upscalers: one picture drawn again with more detail. U1 to U4 are no upscalers: see ``upscale``.

_ORDERS = {
    Verb.UPSCALE_2X: Task.UPSCALE_2X,
    Verb.UPSCALE_4X: Task.UPSCALE_4X,
    Verb.UPSCALE_SUBTLE: Task.UPSCALE_SUBTLE,
    Verb.UPSCALE_CREATIVE: Task.UPSCALE_CREATIVE,
}


async def upscale_again(follow: FollowUp) -> Response:
    """Draw one picture again, larger."""
    picture = await picture_of(follow, 1)
    order = _ORDERS[Verb(follow.press.verb)]
    return await submit_edit(follow.asked, following(follow, picture, action=Action.UPSCALE_HD, order=order))
