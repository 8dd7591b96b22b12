"""Upscales: an image of a grid, or one image drawn again."""

from models.midjourney.custom_ids import Verb
from tests.api.midjourney.actions_support import jobs_of, press_and_complete, sent, single
from tests.api.midjourney.stack import MidjourneyStack


async def test_an_upscaler_makes_one_call_with_the_picture(stack: MidjourneyStack) -> None:
    parent = await single(stack)
    for verb, words in (
        (Verb.UPSCALE_2X, "twice"),
        (Verb.UPSCALE_4X, "four times"),
        (Verb.UPSCALE_SUBTLE, "restraint"),
        (Verb.UPSCALE_CREATIVE, "inventive"),
    ):
        task = await press_and_complete(stack, parent, verb)
        assert (task["action"], task["status"]) == ("UPSCALE_HD", "SUCCESS")
        assert len(await jobs_of(stack, task["id"])) == 1
        assert words in (await sent(stack, task["id"])).prompt


async def test_upscalers_of_other_versions_are_understood(stack: MidjourneyStack) -> None:
    parent = await single(stack)
    known = next(each["customId"] for each in parent["buttons"] if "v6_2x_subtle" in each["customId"])
    envelope = await stack.submit("action", taskId=parent["id"], customId=known.replace("v6_", "v7_"))
    assert envelope["code"] == 1
