"""Follow-ups: which parents and buttons are valid."""

from tests.api.midjourney.stack import MidjourneyStack
from tests.api.midjourney.strict_types import rejected
from tests.api.service import BOB

UNKNOWN = "1700000000000123"


UNKNOWN_PARENTS = [
    {"taskId": UNKNOWN, "action": "UPSCALE", "index": 1},
    {"taskId": "abc", "action": "UPSCALE", "index": 1},
    {"taskId": "9" * 50, "action": "REROLL"},
    {"taskId": "-1", "action": "REROLL"},
    {"taskId": 5, "action": "REROLL"},
]


async def test_buttons_of_other_callers_and_tasks_are_refused(stack: MidjourneyStack) -> None:
    parent, other = await stack.done("imagine"), await stack.done("imagine", prompt="a dog")
    answer = await stack.call(
        "POST",
        "/mj/submit/action",
        json={"taskId": parent["id"], "customId": parent["buttons"][5]["customId"]},
        headers={"mj-api-secret": BOB},
    )
    assert (answer.json()["code"], answer.json()["result"]) == (3, None)
    envelope = await stack.submit("action", taskId=parent["id"], customId=other["buttons"][5]["customId"])
    assert (envelope["code"], envelope["result"]) == (4, None)


async def test_a_grid_does_not_offer_buttons_of_single_images(stack: MidjourneyStack) -> None:
    parent = await stack.done("imagine")
    made = parent["buttons"][0]["customId"].rpartition("::")[2]
    envelope = await stack.submit(
        "action", taskId=parent["id"], customId=f"MJ::JOB::pan_left::1::{made}::SOLO"
    )
    assert (envelope["code"], envelope["result"]) == (4, None)


async def test_unknown_parents_are_code_3(stack: MidjourneyStack) -> None:
    for body in UNKNOWN_PARENTS:
        rejected(await stack.submit("change", **body), 3)


async def test_parents_that_have_not_succeeded_are_code_4(stack: MidjourneyStack) -> None:
    waiting = await stack.number()
    rejected(await stack.submit("change", taskId=waiting, action="UPSCALE", index=1), 4)
    rejected(await stack.submit("simple-change", content=f"{waiting} U1"), 4)
    await stack.call("POST", f"/mj/task/{waiting}/cancel")
    rejected(await stack.submit("change", taskId=waiting, action="UPSCALE", index=1), 4)


async def test_an_upscaled_image_has_no_upscale_buttons(stack: MidjourneyStack) -> None:
    grid = await stack.done()
    picked = await stack.number("simple-change", content=f"{grid['id']} u4")

    assert (await stack.fetch(picked))["imageUrl"] == grid["imageUrls"][3]["url"]
    rejected(await stack.submit("change", taskId=picked, action="UPSCALE", index=1), 4)
