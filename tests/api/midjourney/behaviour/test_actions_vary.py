"""Variations, rerolls and upscalers: edit calls with the parent's picture."""

import base64
from typing import Any

from models.midjourney.custom_ids import Verb
from tests.api.midjourney.actions_support import jobs_of, press, pressed, sent, single
from tests.api.midjourney.stack import MidjourneyStack, open_stack
from tests.api.service import BOB


async def test_a_variation_draws_a_grid_from_one_picture(each_stack: MidjourneyStack) -> None:
    parent = await each_stack.done("imagine", prompt="a red fox --ar 3:2")
    task = await pressed(each_stack, parent, ":variation::2")
    assert (task["action"], task["status"], task["parentId"]) == ("VARIATION", "SUCCESS", parent["id"])
    assert (task["prompt"], len(task["imageUrls"])) == ("a red fox --ar 3:2", 4)
    assert [button["label"] for button in task["buttons"]][:2] == ["U1", "U2"]
    request = await sent(each_stack, task["id"])
    second = await each_stack.service.client.get(parent["imageUrls"][1]["url"])
    assert request.images == ("data:image/png;base64," + base64.b64encode(second.content).decode(),)
    assert "variation of this picture: the same subject" in request.prompt
    assert "a red fox" in request.prompt
    assert request.size == "3:2"


async def test_change_and_simple_change_press_the_same_buttons(stack: MidjourneyStack) -> None:
    parent = await stack.done("imagine")
    for verb, body in (
        ("change", {"taskId": parent["id"], "action": "VARIATION", "index": 3}),
        ("change", {"taskId": parent["id"], "action": "REROLL"}),
        ("simple-change", {"content": f"{parent['id']} v3"}),
        ("simple-change", {"content": f"{parent['id']} R"}),
    ):
        envelope = await stack.submit(verb, **body)
        assert envelope["code"] in (1, 22), envelope


async def test_one_picture_is_varied_strongly_or_subtly(stack: MidjourneyStack) -> None:
    parent = await single(stack)
    for part, words in (("high_", "strong variation"), ("low_", "subtle variation")):
        task = await pressed(stack, parent, part)
        assert (task["action"], len(task["imageUrls"])) == ("VARIATION", 4)
        assert words in (await sent(stack, task["id"])).prompt


async def test_a_reroll_runs_the_prompt_again_without_its_seed(stack: MidjourneyStack) -> None:
    parent = await stack.done("imagine", prompt="a cat --seed 7")
    task = await pressed(stack, parent, "reroll")
    assert (task["action"], task["prompt"], len(task["imageUrls"])) == ("REROLL", "a cat --seed 7", 4)
    jobs = await jobs_of(stack, task["id"])
    assert [(job.prompt, job.request["params"]) for job in jobs] == [("a cat", {})] * 4
    assert task["imageUrl"] != parent["imageUrl"]


async def test_an_upscaler_makes_one_call_with_the_picture(stack: MidjourneyStack) -> None:
    parent = await single(stack)
    for verb, words in (
        (Verb.UPSCALE_2X, "twice"),
        (Verb.UPSCALE_4X, "four times"),
        (Verb.UPSCALE_SUBTLE, "restraint"),
        (Verb.UPSCALE_CREATIVE, "inventive"),
    ):
        task = await pressed(stack, parent, verb)
        assert (task["action"], task["status"]) == ("UPSCALE_HD", "SUCCESS")
        assert len(await jobs_of(stack, task["id"])) == 1
        assert words in (await sent(stack, task["id"])).prompt


async def test_upscalers_of_other_versions_are_understood(stack: MidjourneyStack) -> None:
    parent = await single(stack)
    known = next(each["customId"] for each in parent["buttons"] if "v6_2x_subtle" in each["customId"])
    envelope = await stack.submit("action", taskId=parent["id"], customId=known.replace("v6_", "v7_"))
    assert envelope["code"] == 1


async def test_a_chain_of_variations_does_not_grow(stack: MidjourneyStack) -> None:
    task = await stack.done("imagine", prompt="a cat")
    prompts = []
    for _ in range(4):
        task = await pressed(stack, task, ":variation::1")
        prompts.append((await sent(stack, task["id"])).prompt)
    assert len(set(prompts)) == 1


async def test_a_prompt_at_the_limit_still_has_variations(sqlite_url: str, tmp_path: Any) -> None:
    async with open_stack(sqlite_url, tmp_path, prompt_limit=400) as stack:
        parent = await stack.done("imagine", prompt="x" * 400)
        assert (await press(stack, parent, ":variation::1"))["code"] == 1


async def test_nobody_presses_buttons_of_others(stack: MidjourneyStack) -> None:
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


async def test_a_grid_does_not_offer_what_only_one_picture_can(stack: MidjourneyStack) -> None:
    parent = await stack.done("imagine")
    made = parent["buttons"][0]["customId"].rpartition("::")[2]
    envelope = await stack.submit(
        "action", taskId=parent["id"], customId=f"MJ::JOB::pan_left::1::{made}::SOLO"
    )
    assert (envelope["code"], envelope["result"]) == (4, None)
