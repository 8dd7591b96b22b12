"""blend: several images become one."""

from typing import Any

from tests.api.midjourney.actions_support import picture, sent
from tests.api.midjourney.stack import MidjourneyStack

RED, BLUE = picture(colour="red"), picture(colour="blue")


async def test_pictures_are_blended_into_a_grid(each_stack: MidjourneyStack) -> None:
    task = await each_stack.done("blend", base64Array=[RED, BLUE], dimensions="PORTRAIT")
    assert (task["action"], task["status"], len(task["imageUrls"])) == ("BLEND", "SUCCESS", 4)
    request = await sent(each_stack, task["id"])
    assert (request.images, request.size) == ((RED, BLUE), "2:3")


async def test_a_blend_that_can_not_be_is_refused(stack: MidjourneyStack) -> None:
    bodies: list[dict[str, Any]] = [
        {},
        {"base64Array": None},
        {"base64Array": [RED]},
        {"base64Array": [RED] * 6},
        {"base64Array": [RED, "no picture"]},
        {"base64Array": [RED, BLUE], "dimensions": "ROUND"},
        {"base64Array": RED},
    ]
    for body in bodies:
        envelope = await stack.submit("blend", **body)
        assert (envelope["code"], envelope["result"]) == (4, None), body
