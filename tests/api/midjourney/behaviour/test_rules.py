"""Rules that clients depend on; each test names its rule in section 14 of the protocol's contract."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import event, update

from models.states import JobStatus
from models.tables import midjourney_tasks
from tests.api.midjourney.stack import MidjourneyStack
from tests.api.midjourney.strict_types import accepted, decoded, rejected
from tests.api.service import BOB

STATES = ["", "room:alice", '{"a": "1", "b": [2]}', "مرحبا 🐱", None]


ODDITIES = [
    {"unknown": {"deep": [1]}, "noStorage": True},
    {"botType": "SOMETHING_NEW"},
    {"botType": 7},
    {"base64Array": None},
    {"base64Array": []},
    {"accountFilter": {"instanceId": ""}},
    {"accountFilter": "odd"},
    {"accountFilter": {"modes": "odd"}, "mode": 5},
    {"state": 5, "notifyHook": ""},
]


GET_BODIES = [b"null", b"{", b"a=b"]


async def test_r1_results_are_strings_of_at_most_16_digits_that_a_json_number_holds(
    stack: MidjourneyStack,
) -> None:
    numbers = [accepted(await stack.submit("imagine", prompt="a cat")) for _ in range(5)]

    assert len(set(numbers)) == 5
    assert all(number.isdigit() and len(number) == 16 and int(number) < 2**53 for number in numbers)


async def test_r2_a_body_that_is_too_large_is_refused_with_an_envelope(stack: MidjourneyStack) -> None:
    limit = stack.service.services.settings.request_body_limit
    answer = await stack.call("POST", "/mj/submit/imagine", content=b" " * (limit + 1))

    assert answer.status_code == 413
    rejected(answer.json(), 4)
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_r3_r4_r6_r16_r25_tasks_decode_strictly_in_every_state(stack: MidjourneyStack) -> None:
    number, other = await stack.number(), await stack.number(prompt="a dog [fail moderation]")
    waiting = decoded(await stack.fetch(number))
    assert abs(waiting["submitTime"] / 1000 - time.time()) < 60
    await stack.dispatch()
    await stack.force((await stack.jobs())[0].id, JobStatus.LEASED, started_at=datetime.now(UTC), progress=40)
    running = decoded(await stack.fetch(number))
    assert (running["status"], running["progress"]) == ("IN_PROGRESS", "10%")
    await stack.worker.deliver()
    await stack.complete()
    for each in (number, other):
        task = decoded(await stack.fetch(each))
        assert task["status"] in ("SUCCESS", "FAILURE")
        assert task["submitTime"] <= task["startTime"] <= task["finishTime"]


async def test_r4_envelopes_always_have_an_object_of_properties(stack: MidjourneyStack) -> None:
    for body in ({"prompt": "a cat"}, {"prompt": ""}):
        assert isinstance((await stack.submit("imagine", **body))["properties"], dict)


async def test_r7_a_task_goes_through_known_states_and_never_back(stack: MidjourneyStack) -> None:
    number = await stack.number()
    seen = [(await stack.fetch(number))["status"]]
    await stack.dispatch()
    job = (await stack.jobs())[0]
    begun = {"started_at": datetime.now(UTC), "attempts_used": 1, "progress": 0}
    await stack.force(job.id, JobStatus.RUNNING, **begun)
    seen.append((await stack.fetch(number))["status"])
    await stack.force(job.id, JobStatus.RUNNING, progress=30)
    seen.append((await stack.fetch(number))["status"])
    await stack.force(job.id, JobStatus.QUEUED, progress=0)
    seen.append((await stack.fetch(number))["status"])
    await stack.force(job.id, JobStatus.RUNNING, progress=0, attempts_used=2)
    seen.append((await stack.fetch(number))["status"])

    assert seen == ["NOT_START", "SUBMITTED", "IN_PROGRESS", "IN_PROGRESS", "IN_PROGRESS"]


async def test_r8_buttons_come_in_the_order_that_clients_count_on(stack: MidjourneyStack) -> None:
    task = decoded(await stack.done())

    first = task["buttons"][0]
    parts = first["customId"].split("::")
    assert (parts[:4], first["label"]) == (["MJ", "JOB", "upsample", "1"], "U1")
    assert len(parts) == 5
    assert [button["customId"] for button in task["buttons"]] == [
        *(f"MJ::JOB::upsample::{number}::{parts[4]}" for number in (1, 2, 3, 4)),
        f"MJ::JOB::reroll::0::{parts[4]}::SOLO",
        *(f"MJ::JOB::variation::{number}::{parts[4]}" for number in (1, 2, 3, 4)),
    ]


async def test_r9_nothing_but_a_dialog_says_confirm(stack: MidjourneyStack) -> None:
    bodies = [{"prompt": "a cat"}, {"prompt": ""}, {"prompt": 5}, {"base64Array": ["x"], "prompt": "a"}]

    for body in bodies:
        assert "confirm" not in (await stack.submit("imagine", **body))["description"].lower()


async def test_r10_lists_of_pictures_are_never_empty(stack: MidjourneyStack) -> None:
    number = await stack.number(prompt="a cat [fail moderation]")
    assert (await stack.fetch(number))["imageUrls"] is None
    await stack.work()
    assert (await stack.fetch(number))["imageUrls"] is None


async def test_r11_a_task_is_there_by_every_way_the_moment_its_submit_was_answered(
    stack: MidjourneyStack,
) -> None:
    number = await stack.number()
    one = await stack.fetch(number)

    assert one["id"] == number
    for method, path in [
        ("GET", "/mj/task/list"),
        ("GET", "/mj/task/queue"),
        ("GET", "/mj/queue"),
        ("POST", "/mj/task/list-by-condition"),
        ("POST", "/mj/task/list-by-ids"),
    ]:
        body = {"ids": [number]} if method == "POST" else None
        assert [task["id"] for task in (await stack.call(method, path, json=body)).json()] == [number], path
    page = (await stack.call("POST", "/mj/task/query", json={"ids": [number]})).json()
    assert [task["id"] for task in page["content"]] == [number]


async def test_r12_only_requested_ids_are_listed_and_unknown_ones_are_skipped(
    each_stack: MidjourneyStack,
) -> None:
    stack = each_stack
    first, second = await stack.number(), await stack.number()
    await stack.number()
    path = "/mj/task/list-by-condition"

    ids = [int(second), first, first, "abc-ping", "1", None, True, 1.5, [], "9" * 400]
    answer = await stack.call("POST", path, json={"ids": ids})
    assert [task["id"] for task in answer.json()] == [second, first]
    for body in ({}, {"ids": None}, {"ids": []}, {"ids": ["abc-ping"]}):
        answer = await stack.call("POST", path, json=body)
        assert (answer.status_code, answer.content) == (200, b"[]")


async def test_r15_pictures_need_no_key_and_are_the_same_hours_later(stack: MidjourneyStack) -> None:
    task = await stack.done()
    later = await stack.fetch(task["id"])

    assert task["imageUrl"].startswith("http://darkroom.test/")
    assert (task["imageUrl"], task["imageUrls"]) == (later["imageUrl"], later["imageUrls"])
    for url in (task["imageUrl"], *(picture["url"] for picture in task["imageUrls"])):
        answer = await stack.service.client.get(url, headers={"Origin": "http://elsewhere.example"})
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["content-type"].startswith("image/")
        assert url.rpartition(".")[2] in ("jpg", "png")


async def test_r17_state_comes_back_as_it_was_sent(stack: MidjourneyStack) -> None:
    for state in STATES:
        assert (await stack.fetch(await stack.number(state=state)))["state"] == state


async def test_r18_unknown_and_missing_members_are_ignored(stack: MidjourneyStack) -> None:
    for more in ODDITIES:
        accepted(await stack.submit("imagine", prompt="a cat", **more))


async def test_r18_bodies_of_gets_are_ignored(stack: MidjourneyStack) -> None:
    for content in GET_BODIES:
        number = await stack.number()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = await stack.call("GET", f"/mj/task/{number}/fetch", content=content, headers=headers)

        assert answer.json()["id"] == number


async def test_r19_code_3_never_means_that_there_is_no_room(stack: MidjourneyStack) -> None:
    """No channel serves the model, no worker is there: the task waits."""
    for _ in range(3):
        assert (await stack.submit("imagine", prompt="a cat"))["code"] in (1, 22)


async def test_r20_accepted_submits_are_answered_with_200(stack: MidjourneyStack) -> None:
    answer = await stack.call("POST", "/mj/submit/imagine", json={"prompt": "a cat"})

    assert answer.status_code == 200


async def test_r21_an_index_may_be_a_number_or_a_string(stack: MidjourneyStack) -> None:
    grid = await stack.done()

    for index in (2, "2"):
        task = await stack.fetch(
            await stack.number("change", taskId=grid["id"], action="UPSCALE", index=index)
        )
        assert task["imageUrl"] == grid["imageUrls"][1]["url"]


async def test_r22_custom_ids_that_a_client_builds_from_the_hash_work(stack: MidjourneyStack) -> None:
    grid = await stack.done()
    hash_ = grid["buttons"][0]["customId"].split("::")[4]

    custom_id = f"MJ::JOB::upsample::3::{hash_}"
    task = decoded(await stack.fetch(await stack.number("action", taskId=grid["id"], customId=custom_id)))
    assert (task["action"], task["status"], task["parentId"]) == ("UPSCALE", "SUCCESS", grid["id"])
    assert task["imageUrl"] == grid["imageUrls"][2]["url"]
    assert len(stack.darkroom.provider.call_log.calls) == 4


async def test_r26_an_upscale_opens_no_dialog(stack: MidjourneyStack) -> None:
    grid = await stack.done()
    body = {"taskId": grid["id"], "customId": grid["buttons"][0]["customId"], "chooseSameChannel": True}

    assert (await stack.submit("action", **body))["code"] == 1


async def test_r27_a_rejected_submit_has_no_result(stack: MidjourneyStack) -> None:
    waiting = await stack.number()
    for verb, body, code in [
        ("imagine", {"prompt": ""}, 4),
        ("change", {"taskId": "1700000000000123", "action": "UPSCALE", "index": 1}, 3),
        ("change", {"taskId": waiting, "action": "UPSCALE", "index": 1}, 4),
        ("action", {"taskId": waiting, "customId": "MJ::JOB::upsample::1::x"}, 4),
    ]:
        rejected(await stack.submit(verb, **body), code)


async def test_r29_five_hundred_ids_take_few_queries(each_stack: MidjourneyStack) -> None:
    stack, database = each_stack, each_stack.service.services.database
    first = await stack.number()
    numbers = [first] + [await stack.number() for _ in range(19)]
    await stack.work()
    context = [int(number) for number in numbers] + [int(first) + step for step in range(1000, 1480)]
    parameters: list[int] = []

    @event.listens_for(database.engine.sync_engine, "before_cursor_execute")
    def _count(_connection: Any, _cursor: Any, _statement: str, given: Any, *_: Any) -> None:
        parameters.append(len(given))

    answer = await stack.call("POST", "/mj/task/list-by-condition", json={"ids": context})
    assert [decoded(task)["id"] for task in answer.json()] == numbers
    assert len(parameters) < 10
    assert database.is_sqlite or max(parameters) < 10  # PostgreSQL takes the ids as one


async def test_callers_see_and_touch_only_their_own_tasks(stack: MidjourneyStack) -> None:
    grid = await stack.done()
    bob = {"mj-api-secret": BOB}

    for path in (f"/mj/task/{grid['id']}/fetch", f"/mj/image/{grid['id']}"):
        assert (await stack.call("GET", path, headers=bob)).status_code == 404
    for path in ("/mj/task/list", "/mj/task/queue"):
        assert (await stack.call("GET", path, headers=bob)).json() == []
    listed = await stack.call("POST", "/mj/task/list-by-ids", json={"ids": [grid["id"]]}, headers=bob)
    assert listed.json() == []
    for path, body in [
        (f"/mj/task/{grid['id']}/cancel", {}),
        ("/mj/submit/action", {"taskId": grid["id"], "customId": grid["buttons"][0]["customId"]}),
        ("/mj/submit/simple-change", {"content": f"{grid['id']} U1"}),
    ]:
        rejected((await stack.call("POST", path, json=body, headers=bob)).json(), 3)


async def test_times_are_milliseconds(stack: MidjourneyStack) -> None:
    number = await stack.number()
    at = datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
    async with stack.darkroom.services.database.writing() as connection:
        await connection.execute(update(midjourney_tasks).values(submitted_at=at + timedelta()))

    task = await stack.fetch(number)
    assert task["submitTime"] == 1767323045678
    assert task["displays"]["submitTime"] == "2026-01-02 03:04:05"
