"""Variations, rerolls and upscalers: edit calls with the parent's picture."""

import base64
from typing import Any

from models.midjourney.custom_ids import Verb
from tests.api.midjourney.asking import jobs_of, press, pressed, sent, single
from tests.api.midjourney.studio import Studio, open_studio
from tests.api.service import BOB


async def test_a_variation_draws_a_grid_from_one_picture(each_studio: Studio) -> None:
    parent = await each_studio.done("imagine", prompt="a red fox --ar 3:2")
    task = await pressed(each_studio, parent, ":variation::2")
    assert (task["action"], task["status"], task["parentId"]) == ("VARIATION", "SUCCESS", parent["id"])
    assert (task["prompt"], len(task["imageUrls"])) == ("a red fox --ar 3:2", 4)
    assert [button["label"] for button in task["buttons"]][:2] == ["U1", "U2"]
    request = await sent(each_studio, task["id"])
    second = await each_studio.service.client.get(parent["imageUrls"][1]["url"])
    assert request.images == ("data:image/png;base64," + base64.b64encode(second.content).decode(),)
    assert "variation of this picture: the same subject" in request.prompt
    assert "a red fox" in request.prompt
    assert request.size == "3:2"


async def test_change_and_simple_change_press_the_same_buttons(studio: Studio) -> None:
    parent = await studio.done("imagine")
    for verb, body in (
        ("change", {"taskId": parent["id"], "action": "VARIATION", "index": 3}),
        ("change", {"taskId": parent["id"], "action": "REROLL"}),
        ("simple-change", {"content": f"{parent['id']} v3"}),
        ("simple-change", {"content": f"{parent['id']} R"}),
    ):
        envelope = await studio.submit(verb, **body)
        assert envelope["code"] in (1, 22), envelope


async def test_one_picture_is_varied_strongly_or_subtly(studio: Studio) -> None:
    parent = await single(studio)
    for part, words in (("high_", "strong variation"), ("low_", "subtle variation")):
        task = await pressed(studio, parent, part)
        assert (task["action"], len(task["imageUrls"])) == ("VARIATION", 4)
        assert words in (await sent(studio, task["id"])).prompt


async def test_a_reroll_runs_the_prompt_again_without_its_seed(studio: Studio) -> None:
    parent = await studio.done("imagine", prompt="a cat --seed 7")
    task = await pressed(studio, parent, "reroll")
    assert (task["action"], task["prompt"], len(task["imageUrls"])) == ("REROLL", "a cat --seed 7", 4)
    jobs = await jobs_of(studio, task["id"])
    assert [(job.prompt, job.request["params"]) for job in jobs] == [("a cat", {})] * 4
    assert task["imageUrl"] != parent["imageUrl"]


async def test_an_upscaler_makes_one_call_with_the_picture(studio: Studio) -> None:
    parent = await single(studio)
    for verb, words in (
        (Verb.UPSCALE_2X, "twice"),
        (Verb.UPSCALE_4X, "four times"),
        (Verb.UPSCALE_SUBTLE, "restraint"),
        (Verb.UPSCALE_CREATIVE, "inventive"),
    ):
        task = await pressed(studio, parent, verb)
        assert (task["action"], task["status"]) == ("UPSCALE_HD", "SUCCESS")
        assert len(await jobs_of(studio, task["id"])) == 1
        assert words in (await sent(studio, task["id"])).prompt


async def test_upscalers_of_other_versions_are_understood(studio: Studio) -> None:
    parent = await single(studio)
    known = next(each["customId"] for each in parent["buttons"] if "v6_2x_subtle" in each["customId"])
    envelope = await studio.submit("action", taskId=parent["id"], customId=known.replace("v6_", "v7_"))
    assert envelope["code"] == 1


async def test_a_chain_of_variations_does_not_grow(studio: Studio) -> None:
    task = await studio.done("imagine", prompt="a cat")
    prompts = []
    for _ in range(4):
        task = await pressed(studio, task, ":variation::1")
        prompts.append((await sent(studio, task["id"])).prompt)
    assert len(set(prompts)) == 1


async def test_a_prompt_at_the_limit_still_has_variations(sqlite_url: str, tmp_path: Any) -> None:
    async with open_studio(sqlite_url, tmp_path, prompt_limit=400) as studio:
        parent = await studio.done("imagine", prompt="x" * 400)
        assert (await press(studio, parent, ":variation::1"))["code"] == 1


async def test_nobody_presses_buttons_of_others(studio: Studio) -> None:
    parent, other = await studio.done("imagine"), await studio.done("imagine", prompt="a dog")
    answer = await studio.call(
        "POST",
        "/mj/submit/action",
        json={"taskId": parent["id"], "customId": parent["buttons"][5]["customId"]},
        headers={"mj-api-secret": BOB},
    )
    assert (answer.json()["code"], answer.json()["result"]) == (3, None)
    envelope = await studio.submit("action", taskId=parent["id"], customId=other["buttons"][5]["customId"])
    assert (envelope["code"], envelope["result"]) == (4, None)


async def test_a_grid_does_not_offer_what_only_one_picture_can(studio: Studio) -> None:
    parent = await studio.done("imagine")
    made = parent["buttons"][0]["customId"].rpartition("::")[2]
    envelope = await studio.submit(
        "action", taskId=parent["id"], customId=f"MJ::JOB::pan_left::1::{made}::SOLO"
    )
    assert (envelope["code"], envelope["result"]) == (4, None)
