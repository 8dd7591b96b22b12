"""Requests of real clients, literally, and the members they read of the responses."""

import re
from pathlib import Path
from typing import Any

from tests.api.midjourney.stack import PIXEL, MidjourneyStack, open_stack
from tests.api.midjourney.strict_types import accepted, decoded
from tests.api.service import ALICE

PICTURE = f"data:image/png;base64,{PIXEL}"
BEARER = {"Authorization": f"Bearer {ALICE}", "mj-api-secret": ""}


async def test_a_relay_submits_polls_in_bulk_and_finishes_its_row(stack: MidjourneyStack) -> None:
    """new-api: strict Go types, one bulk call for all rows, done when progress is 100%."""
    body = {"prompt": "a red fox", "botType": "MID_JOURNEY", "base64Array": [], "state": ""}
    answer = await stack.call("POST", "/mj/submit/imagine", json=body, headers={"Accept": "application/json"})
    number = accepted(answer.json())
    failing = await stack.number(prompt="a wolf [fail moderation]")

    async def poll() -> dict[str, dict[str, Any]]:
        got = await stack.call("POST", "/mj/task/list-by-condition", json={"ids": [number, failing]})
        return {task["id"]: decoded(task) for task in got.json()}

    assert {task["progress"] for task in (await poll()).values()} == {"0%"}
    await stack.work()
    rows = await poll()
    assert (rows[number]["progress"], rows[number]["failReason"]) == ("100%", None)
    assert rows[failing]["progress"] != "100%"
    assert rows[failing]["failReason"]


async def test_a_relay_finds_code_22_by_its_very_letters(sqlite_url: str, tmp_path: Path) -> None:
    async with open_stack(sqlite_url, tmp_path, upstream_concurrency=4) as stack:
        await stack.number()
        answer = await stack.call("POST", "/mj/submit/imagine", json={"prompt": "a cat"})

    assert b'"code":22,' in answer.content


async def test_a_poller_in_go_builds_custom_ids_from_the_first_button(stack: MidjourneyStack) -> None:
    """GEEKAI: fast prefix to submit, none to poll; the hash is the 5th part, or the last of fewer."""
    body = {
        "botType": "MID_JOURNEY",
        "prompt": "a cat --ar 1:1",
        "base64Array": [PICTURE],
        "accountFilter": {"instanceId": ""},
        "notifyHook": "",
    }
    answer = await stack.call("POST", "/mj-fast/mj/submit/imagine", json=body, headers=BEARER)
    number = accepted(answer.json())
    await stack.work()
    task = decoded((await stack.call("GET", f"/mj/task/{number}/fetch", headers=BEARER)).json())
    parts = task["buttons"][0]["customId"].split("::")
    hash_ = parts[4] if len(parts) > 5 else parts[-1]

    body = {"customId": f"MJ::JOB::upsample::4::{hash_}", "taskId": number}
    answer = await stack.call("POST", "/mj-fast/mj/submit/action", json=body, headers=BEARER)
    picked = decoded(await stack.fetch(accepted(answer.json())))
    assert picked["imageUrl"] == task["imageUrls"][3]["url"]


async def test_a_web_page_sends_json_headers_with_gets_and_finds_buttons_by_their_names(
    stack: MidjourneyStack,
) -> None:
    """DOOY: content type on GET, action with customId, numbers for ids in its gallery."""
    number = accepted(await stack.submit("imagine", prompt="a cat", botType="NIJI_JOURNEY", base64Array=[]))
    await stack.work()
    headers = {"Content-Type": "application/json", "Mj-Version": "2.25", "x-ptoken": ""}
    task = decoded(await stack.fetch(number, headers=headers))
    found = [button for button in task["buttons"] if button["customId"].find(":upsample::2") > -1]

    body = {"taskId": number, "customId": found[0]["customId"], "chooseSameChannel": True}
    assert (await stack.submit("action", **body))["code"] == 1
    gallery = await stack.call("POST", "/mj/task/list-by-condition", json={"ids": [int(number)]})
    assert gallery.json()[0]["id"] == number


async def test_a_chat_plug_in_stores_json_in_state_and_upscales_by_simple_change(
    stack: MidjourneyStack,
) -> None:
    """WXPLUG: reads every member without looking, and finishTime - startTime."""
    state = '{"receiver": "room@1", "actual_user_id": "wxid_1"}'
    number = accepted(await stack.submit("imagine", prompt="a cat", state=state, notifyHook=""))
    await stack.work()
    task = await stack.fetch(number)

    assert task["state"] == state
    assert task["finishTime"] - task["startTime"] >= 0
    picked = await stack.fetch(
        accepted(await stack.submit("simple-change", content=f"{number} U1", state=state))
    )
    assert (picked["action"], picked["status"], picked["state"]) == ("UPSCALE", "SUCCESS", state)
    assert picked["description"] == f"/up {number} U1"


async def test_a_node_pack_reads_results_and_labels_only(stack: MidjourneyStack) -> None:
    """COMFY-MJ: bearer key, charset in the content type, buttons by label, pictures without a key."""
    headers = {**BEARER, "Content-Type": "application/json; charset=utf-8"}
    body = '{"base64Array": [], "instanceId": "", "modes": [], "prompt": "a cat", "remix": true}'
    answer = await stack.call("POST", "/mj/submit/imagine", content=body, headers=headers)
    number = answer.json()["result"]
    await stack.work()
    task = decoded((await stack.call("GET", f"/mj/task/{number}/fetch", headers=headers)).json())
    labels = {button["label"]: button["customId"] for button in task["buttons"]}

    assert {f"{letter}{n}" for letter in "UV" for n in (1, 2, 3, 4)} <= labels.keys()
    assert (await stack.service.client.get(task["imageUrl"])).content


async def test_an_admin_page_polls_ids_and_shows_words_and_pages(stack: MidjourneyStack) -> None:
    """PLUS-UI: displays of each item, pages by number and size."""
    number = await stack.number()
    (item,) = (await stack.call("POST", "/mj/task/list-by-ids", json={"ids": [number]})).json()

    assert item["displays"]["status"] == "NOT_START"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", item["displays"]["submitTime"])
    body = {"pageNumber": 0, "pageSize": 10, "sort": "submitTime,desc", "statusSet": None, "id": ""}
    page = (await stack.call("POST", "/mj/task-admin/query", json=body)).json()
    assert (page["content"][0]["id"], page["totalElements"]) == (number, 1)


async def test_a_key_probe_gets_200_and_an_empty_list(stack: MidjourneyStack) -> None:
    headers = {"Authorization": f"Bearer {ALICE}", "mj-api-secret": ALICE}
    answer = await stack.call(
        "POST", "/mj/task/list-by-condition", json={"ids": ["abc-ping"]}, headers=headers
    )

    assert (answer.status_code, answer.json()) == (200, [])
