"""edits, retexture and swap-face: edit calls with the client's images."""

from typing import Any

from tests.api.midjourney.actions_support import opened, picture, sent, single
from tests.api.midjourney.stack import MidjourneyStack
from tests.api.service import BOB

RED, BLUE = picture(colour="red"), picture(colour="blue")


async def test_a_picture_is_edited_with_and_without_a_mask(each_stack: MidjourneyStack) -> None:
    plain = await each_stack.done("edits", prompt="add a hat", image=RED)
    assert (plain["action"], plain["status"]) == ("EDIT", "SUCCESS")
    assert (await sent(each_stack, plain["id"])).images == (RED,)
    masked = await each_stack.done(
        "edits", prompt="add a hat", image=RED, maskBase64=picture((4, 2), "white")
    )
    images = (await sent(each_stack, masked["id"])).images
    assert (masked["status"], len(images), opened(images[2]).mode) == ("SUCCESS", 3, "RGBA")
    assert "CustomZoom" in str(masked["buttons"])


async def test_flags_of_an_edits_prompt_are_understood(stack: MidjourneyStack) -> None:
    for verb in ("edits", "retexture"):
        number = await stack.number(verb, prompt="add a hat --ar 16:9 --no rain --v 7", image=RED)
        request = await sent(stack, number)
        assert request.prompt.endswith("add a hat\nLeave out: rain.")
        assert request.size == "16:9"


async def test_the_picture_of_a_task_is_edited(stack: MidjourneyStack) -> None:
    parent = await single(stack)
    task = await stack.done("edits", prompt="add a hat", taskId=parent["id"])
    assert (task["parentId"], task["status"]) == (parent["id"], "SUCCESS")
    body = {"prompt": "add a hat", "taskId": parent["id"]}
    answer = await stack.call("POST", "/mj/submit/edits", json=body, headers={"mj-api-secret": BOB})
    assert answer.json()["code"] == 3


async def test_surfaces_are_drawn_anew(stack: MidjourneyStack) -> None:
    task = await stack.done("retexture", prompt="of wood", image=RED.partition(",")[2])
    assert (task["action"], task["status"]) == ("RETEXTURE", "SUCCESS")
    assert "of wood" in (await sent(stack, task["id"])).prompt


async def test_swap_face_is_always_answered_with_code_1(stack: MidjourneyStack) -> None:
    await stack.number("imagine")  # waits
    body = {"sourceBase64": RED, "targetBase64": BLUE}
    envelope = (await stack.call("POST", "/mj/insight-face/swap", json=body)).json()
    assert envelope["code"] == 1
    await stack.work()
    task = await stack.fetch(envelope["result"])
    assert (task["action"], task["status"], task["botType"]) == ("SWAP_FACE", "SUCCESS", "INSIGHT_FACE")
    assert (await sent(stack, task["id"])).images == (RED, BLUE)


async def test_what_is_missing_or_no_picture_is_refused(stack: MidjourneyStack) -> None:
    bad: list[tuple[str, dict[str, Any]]] = [
        ("insight-face/swap", {"sourceBase64": RED}),
        ("insight-face/swap", {"sourceBase64": RED, "targetBase64": RED}),
        ("insight-face/swap", {"sourceBase64": RED, "targetBase64": "no picture"}),
        ("submit/edits", {"prompt": "a hat"}),
        ("submit/edits", {"image": RED}),
        ("submit/edits", {"prompt": "a hat", "image": RED, "maskBase64": "no picture"}),
        ("submit/retexture", {"prompt": "of wood"}),
        ("submit/upload-discord-images", {"base64Array": []}),
        ("submit/upload-discord-images", {"base64Array": ["no picture"]}),
        ("submit/video", {"prompt": "it runs", "image": RED}),
    ]
    for path, body in bad:
        answer = await stack.call("POST", f"/mj/{path}", json=body)
        assert (answer.status_code, answer.json()["code"], answer.json()["result"]) == (200, 4, None), path
        assert "confirm" not in answer.json()["description"]
