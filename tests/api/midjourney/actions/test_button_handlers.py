"""Endpoints that press buttons: action, change and simple-change."""

from tests.api.midjourney.actions_support import custom_id, press_button, sent
from tests.api.midjourney.stack import MidjourneyStack
from tests.api.midjourney.strict_types import rejected

UNKNOWN = "1700000000000123"


HASH = "3f0c1a52-0000-4000-8000-000000000001"


FORGED = [
    "",
    "U1",
    "MJ",
    "MJ::",
    "MJ::JOB",
    "MJ::JOB::upsample",
    "MJ::JOB::upsample::1",
    "MJ::JOB::upsample::1::",
    "MJ::JOB::upsample::1::{hash}::SOLO::SOLO",
    "MJ::JOB::upsample::0::{hash}",
    "MJ::JOB::upsample::5::{hash}",
    "MJ::JOB::upsample::-1::{hash}",
    "MJ::JOB::upsample::１::{hash}",
    "MJ::JOB::nonsense::1::{hash}",
    f"MJ::JOB::upsample::1::{HASH}",
    "MJ::JOB::upsample::1::{hash}" + "0" * 5000,
    "::" * 2000,
    "\u202emoc.elpmaxe",
]


async def test_change_and_simple_change_press_the_buttons_of_action(stack: MidjourneyStack) -> None:
    parent = await stack.done("imagine")
    for verb, body in (
        ("change", {"taskId": parent["id"], "action": "VARIATION", "index": 3}),
        ("change", {"taskId": parent["id"], "action": "REROLL"}),
        ("simple-change", {"content": f"{parent['id']} v3"}),
        ("simple-change", {"content": f"{parent['id']} R"}),
    ):
        envelope = await stack.submit(verb, **body)
        assert envelope["code"] in (1, 22), envelope


async def test_change_names_what_is_wrong_with_it(stack: MidjourneyStack) -> None:
    for body in [
        {},
        {"taskId": " ", "action": "UPSCALE", "index": 1},
        {"taskId": UNKNOWN},
        {"taskId": UNKNOWN, "action": "PAINT", "index": 1},
        {"taskId": UNKNOWN, "action": "UPSCALE"},
        {"taskId": UNKNOWN, "action": "UPSCALE", "index": 0},
        {"taskId": UNKNOWN, "action": "VARIATION", "index": 5},
    ]:
        rejected(await stack.submit("change", **body), 4)


async def test_simple_change_takes_two_words_only(stack: MidjourneyStack) -> None:
    for content in ("", UNKNOWN, f"{UNKNOWN} U5", f"{UNKNOWN} U", f"{UNKNOWN} X1", f"{UNKNOWN} U1 U2", None):
        rejected(await stack.submit("simple-change", content=content), 4)
    rejected(await stack.submit("simple-change", content=f"{UNKNOWN} u1"), 3)


async def test_forged_custom_ids_are_refused(stack: MidjourneyStack) -> None:
    grid, other = await stack.done(), await stack.done()
    hash_ = grid["buttons"][0]["customId"].split("::")[4]

    for forged in FORGED:
        custom_id = forged.replace("{hash}", hash_)
        rejected(await stack.submit("action", taskId=grid["id"], customId=custom_id), 4)
    theirs = other["buttons"][0]["customId"]
    rejected(await stack.submit("action", taskId=grid["id"], customId=theirs), 4)
    assert len(stack.darkroom.provider.call_log.calls) == 8


async def test_a_remix_opens_a_dialog_only_with_enable_remix(stack: MidjourneyStack) -> None:
    parent = await stack.done("imagine", prompt="a cat")
    envelope = await press_button(stack, parent, ":variation::1", enableRemix=True)
    assert (envelope["code"], envelope["properties"]["remix"]) == (21, True)
    number = envelope["result"]
    assert (await stack.submit("modal", taskId=number, prompt="a dog"))["code"] == 1
    await stack.work()
    assert (await stack.fetch(number))["prompt"] == "a dog"
    assert "a dog" in (await sent(stack, number)).prompt
    assert custom_id(await stack.fetch(number), ":upsample::1")
