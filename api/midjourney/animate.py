"""Animate: a single picture becomes the beginning of a video."""

from starlette.responses import Response

from api.midjourney.actions.follow_up import Follow, picture_of
from api.midjourney.actions.video import Film, submit_film
from models.ids import public_id
from models.midjourney.custom_ids import Verb
from models.midjourney.protocol import Bot

_MOTIONS = {Verb.ANIMATE_HIGH: "high", Verb.ANIMATE_LOW: "low"}


async def animate(follow: Follow) -> Response:
    """Make one video of a task's picture."""
    parent, picture = follow.parent, await picture_of(follow, 1)
    film = Film(
        images=[public_id("asset", picture.id)],
        prompt=parent.prompt,
        words=follow.said,
        motion=_MOTIONS[Verb(follow.press.verb)],
        description=f"/video {parent.id}",
        bot=Bot(parent.bot),
        parent_id=parent.id,
    )
    return await submit_film(follow.asked, film)
