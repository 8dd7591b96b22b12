"""Reading tasks: wait reasons, lists, pages, images and seeds."""

import asyncio

from sqlalchemy import update

from models.tables import channels
from tests.api.midjourney.stack import MidjourneyStack
from tests.api.midjourney.strict_types import decoded, rejected

ODD_PAGES = [{"pageSize": 0}, {"pageNumber": -1}, {"status": "odd"}, {"ids": "x"}, []]


async def test_a_waiting_task_has_a_wait_reason(each_stack: MidjourneyStack) -> None:
    number = await each_stack.number()
    async with each_stack.darkroom.services.database.writing() as connection:
        paused = {"paused_at": each_stack.darkroom.clock(), "paused_reason": "moving house"}
        await connection.execute(update(channels).values(**paused))

    numbers = [number, await each_stack.number(), await each_stack.number()]
    for places in ([0], [2, 1, 0]):  # fetched together
        fetched = await asyncio.gather(*(each_stack.fetch(numbers[place]) for place in places))
        for place, waiting in zip(places, (decoded(each)["properties"] for each in fetched), strict=True):
            assert (waiting["numberOfQueues"], waiting["waitingReason"]) == (place, "paused")
            assert "moving house" in waiting["waitingDetail"]


async def test_the_queue_lists_waiting_and_running_tasks_oldest_first(stack: MidjourneyStack) -> None:
    done = await stack.done()
    first, second = await stack.number(), await stack.number()

    listed = (await stack.call("GET", "/mj/task/queue")).json()
    assert [task["id"] for task in listed] == [first, second]
    newest = (await stack.call("GET", "/mj/task/list")).json()
    assert [task["id"] for task in newest] == [second, first, done["id"]]


async def test_pages_are_spring_pages_with_filters(each_stack: MidjourneyStack) -> None:
    done = await each_stack.done(prompt="a red fox", state="x")
    failed = await each_stack.done(prompt="a dog [fail moderation]")
    waiting = await each_stack.number(prompt="50% off_")

    async def ids(**body: object) -> list[str]:
        page = (await each_stack.call("POST", "/mj/task/query", json=body)).json()
        assert page["numberOfElements"] == len(page["content"])
        return [decoded(task)["id"] for task in page["content"]]

    assert await ids() == [waiting, failed["id"], done["id"]]
    assert await ids(pageNumber=None, pageSize=None, ids=None, prompt=None) == await ids()
    assert await ids(sort="submitTime,asc") == [done["id"], failed["id"], waiting]
    assert await ids(pageNumber=1, pageSize=2) == [done["id"]]
    assert await ids(status="SUCCESS") == [done["id"]]
    assert await ids(statusSet=["NOT_START", "FAILURE"]) == [waiting, failed["id"]]
    assert await ids(statusSet=["SUBMITTED", "IN_PROGRESS", "MODAL"]) == []
    assert await ids(prompt="RED") == [done["id"]]
    assert await ids(prompt="0% off_") == [waiting]
    assert await ids(prompt="__") == []
    assert await ids(state="x", action="IMAGINE") == [done["id"]]
    assert await ids(id=waiting) == [waiting]
    page = (await each_stack.call("POST", "/mj/task-admin/query", json={"pageSize": 2})).json()
    assert (page["totalElements"], page["totalPages"], page["first"], page["last"]) == (3, 2, True, False)


async def test_invalid_page_requests_are_refused(stack: MidjourneyStack) -> None:
    for body in ODD_PAGES:
        answer = await stack.call("POST", "/mj/task/query", json=body)

        rejected(answer.json(), 4)


async def test_the_image_of_a_task_is_served_by_its_id(stack: MidjourneyStack) -> None:
    grid = await stack.done()

    picture = await stack.call("GET", f"/mj/image/{grid['id']}")
    assert picture.content == (await stack.service.client.get(grid["imageUrl"])).content
    assert picture.headers["content-type"] == "image/jpeg"


async def test_the_native_list_shows_parts_only_with_their_surface(stack: MidjourneyStack) -> None:
    await stack.number()
    native = await stack.service.submit(model="practice-image")

    listed = (await stack.service.get("/v1/jobs")).json()["data"]
    assert [job["id"] for job in listed] == [native["id"]]
    assert len((await stack.service.get("/v1/jobs?surface=midjourney")).json()["data"]) == 4


async def test_the_seed_of_a_task_is_a_number_in_a_string(stack: MidjourneyStack) -> None:
    seeded = await stack.done("imagine", prompt="a cat --seed 42")
    plain = await stack.done("imagine", prompt="a dog")
    answers = [
        (await stack.call("GET", f"/mj/task/{task['id']}/image-seed")).json() for task in (seeded, plain)
    ]
    assert [answer["code"] for answer in answers] == [1, 1]
    assert answers[0]["result"] == "42"
    assert int(answers[1]["result"]) > 0
    assert (await stack.call("GET", "/mj/task/123/image-seed")).status_code == 404
