"""Which verb follows which button. A new verb is a module of its own, and a line here."""

from collections.abc import Mapping

from starlette.responses import Response

from api.midjourney.envelope import Refusal
from api.midjourney.follow import Follow, FollowUp
from api.midjourney.upscale import upscale
from models.midjourney.custom_ids import Verb
from models.midjourney.vocabulary import Code

FOLLOW_UPS: Mapping[str, FollowUp] = {Verb.UPSAMPLE: upscale}


async def go_on(follow: Follow) -> Response:
    """Do what the pressed button stands for. Raises ``Refusal``."""
    verb = FOLLOW_UPS.get(follow.press.verb)
    if verb is None:
        raise Refusal(Code.INVALID, f"{follow.press.verb} is not available here.")
    return await verb(follow)
