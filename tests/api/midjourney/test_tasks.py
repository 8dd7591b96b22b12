"""Queues: who waits behind whom, how many may wait, and what is cancelled."""

import asyncio
from pathlib import Path

from sqlalchemy import update

from models.queries.transitions import lock_job
from models.states import JobStatus
from models.tables import channels
from tests.api.midjourney.stack import MidjourneyStack, open_stack
from tests.api.midjourney.strict_types import accepted, decoded, rejected
from tests.support.databases import PostgresCopies


async def test_22_says_how_many_tasks_are_ahead(each_stack: MidjourneyStack) -> None:
    assert (await each_stack.submit("imagine", prompt="first"))["code"] == 1
    second = await each_stack.submit("imagine", prompt="second")

    assert (second["code"], second["properties"]["numberOfQueues"]) == (22, 1)
    waiting = await each_stack.fetch(accepted(second))
    assert waiting["properties"]["numberOfQueues"] == 1
    await each_stack.work()
    assert (await each_stack.submit("imagine", prompt="third"))["code"] == 1


async def test_22_is_never_said_to_those_who_can_not_read_it(sqlite_url: str, tmp_path: Path) -> None:
    async with open_stack(sqlite_url, tmp_path, midjourney_always_one=True) as stack:
        await stack.number()
        second = await stack.submit("imagine", prompt="second")

        assert (second["code"], second["properties"]["numberOfQueues"]) == (1, 1)


async def test_a_task_that_waits_says_why(each_stack: MidjourneyStack) -> None:
    number = await each_stack.number()
    async with each_stack.darkroom.services.database.writing() as connection:
        paused = {"paused_at": each_stack.darkroom.clock(), "paused_reason": "moving house"}
        await connection.execute(update(channels).values(**paused))

    waiting = decoded(await each_stack.fetch(number))["properties"]
    assert (waiting["numberOfQueues"], waiting["waitingReason"]) == (0, "paused")
    assert "moving house" in waiting["waitingDetail"]


async def test_23_says_that_no_more_may_wait_even_when_many_ask_at_once(
    plain_database_url: str, tmp_path: Path
) -> None:
    async with open_stack(plain_database_url, tmp_path, midjourney_queue=3) as stack:
        envelopes = await asyncio.gather(*(stack.submit("imagine", prompt=f"{n}") for n in range(6)))
        codes = sorted(envelope["code"] for envelope in envelopes)

        assert codes[3:] == [23, 23, 23]
        for envelope in envelopes:
            if envelope["code"] == 23:
                rejected(envelope, 23)
        assert len(await stack.jobs()) == 12
        assert len((await stack.call("GET", "/mj/task/queue")).json()) == 3
        await stack.work()
        accepted(await stack.submit("imagine", prompt="again"))


async def test_the_queue_lists_what_waits_and_runs_oldest_first(stack: MidjourneyStack) -> None:
    done = await stack.done()
    first, second = await stack.number(), await stack.number()

    listed = (await stack.call("GET", "/mj/task/queue")).json()
    assert [task["id"] for task in listed] == [first, second]
    newest = (await stack.call("GET", "/mj/task/list")).json()
    assert [task["id"] for task in newest] == [second, first, done["id"]]


async def test_a_cancelled_task_is_a_failure_with_a_reason_and_costs_nothing_more(
    each_stack: MidjourneyStack,
) -> None:
    number = await each_stack.number()
    for _ in range(2):
        answer = await each_stack.call("POST", f"/mj/task/{number}/cancel")
        assert (answer.status_code, answer.json()["code"]) == (200, 1)
    await each_stack.work()

    task = decoded(await each_stack.fetch(number))
    assert (task["status"], task["progress"]) == ("FAILURE", "")
    assert "ancelled" in task["failReason"]
    assert {job.status for job in await each_stack.jobs()} == {JobStatus.CANCELLED}
    assert not each_stack.darkroom.provider.call_log.calls


async def test_a_task_is_cancelled_whole_or_not_at_all(
    postgres_copies: PostgresCopies, tmp_path: Path
) -> None:
    with postgres_copies.fresh() as url:
        async with open_stack(url, tmp_path) as stack:
            number = await stack.number()
            async with stack.darkroom.services.database.writing() as connection:  # as a worker that writes
                assert await lock_job(connection, (await stack.jobs())[2].id)
                refused = await stack.call("POST", f"/mj/task/{number}/cancel")
            rejected(refused.json(), 9)
            assert {job.status for job in await stack.jobs()} == {JobStatus.QUEUED}
            assert (await stack.fetch(number))["status"] == "NOT_START"

            answer = await stack.call("POST", f"/mj/task/{number}/cancel")
            assert answer.json()["code"] == 1
            assert {job.status for job in await stack.jobs()} == {JobStatus.CANCELLED}


async def test_cancel_is_called_so_where_the_settings_ask_for_it(sqlite_url: str, tmp_path: Path) -> None:
    async with open_stack(sqlite_url, tmp_path, midjourney_cancel_status="CANCEL") as stack:
        number = await stack.number()
        await stack.call("POST", f"/mj/task/{number}/cancel")

        assert decoded(await stack.fetch(number))["status"] == "CANCEL"


async def test_what_has_ended_or_is_unknown_can_not_be_cancelled(stack: MidjourneyStack) -> None:
    done = await stack.done()

    rejected((await stack.call("POST", f"/mj/task/{done['id']}/cancel")).json(), 4)
    for unknown in ("1700000000000123", "abc", "0"):
        rejected((await stack.call("POST", f"/mj/task/{unknown}/cancel")).json(), 3)


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


ODD_PAGES = [{"pageSize": 0}, {"pageNumber": -1}, {"status": "odd"}, {"ids": "x"}, []]


async def test_pages_refuse_what_makes_no_sense(stack: MidjourneyStack) -> None:
    for body in ODD_PAGES:
        answer = await stack.call("POST", "/mj/task/query", json=body)

        rejected(answer.json(), 4)


async def test_accounts_are_channels_without_secrets(stack: MidjourneyStack) -> None:
    answer = await stack.call("GET", "/mj/account/list")

    (account,) = answer.json()
    assert (account["id"], account["enable"], account["coreSize"]) == ("upstream", True, 16)
    assert "practice-key" not in answer.text
    assert (await stack.call("GET", "/mj/account/upstream/fetch")).json() == account


async def test_a_tasks_picture_can_be_had_by_its_number(stack: MidjourneyStack) -> None:
    grid = await stack.done()

    picture = await stack.call("GET", f"/mj/image/{grid['id']}")
    assert picture.content == (await stack.service.client.get(grid["imageUrl"])).content
    assert picture.headers["content-type"] == "image/jpeg"


async def test_parts_are_listed_natively_only_to_those_who_ask_for_them(stack: MidjourneyStack) -> None:
    await stack.number()
    native = await stack.service.submit(model="practice-image")

    listed = (await stack.service.get("/v1/jobs")).json()["data"]
    assert [job["id"] for job in listed] == [native["id"]]
    assert len((await stack.service.get("/v1/jobs?surface=midjourney")).json()["data"]) == 4
