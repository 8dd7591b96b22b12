"""Queues: who waits behind whom, how many may wait, and what is cancelled."""

import asyncio
from pathlib import Path

from sqlalchemy import update

from models.queries.transitions import lock_job
from models.states import JobStatus
from models.tables import channels
from tests.api.midjourney.strict import accepted, decoded, rejected
from tests.api.midjourney.studio import Studio, open_studio
from tests.support.databases import PostgresCopies


async def test_22_says_how_many_tasks_are_ahead(each_studio: Studio) -> None:
    assert (await each_studio.submit("imagine", prompt="first"))["code"] == 1
    second = await each_studio.submit("imagine", prompt="second")

    assert (second["code"], second["properties"]["numberOfQueues"]) == (22, 1)
    waiting = await each_studio.fetch(accepted(second))
    assert waiting["properties"]["numberOfQueues"] == 1
    await each_studio.develop()
    assert (await each_studio.submit("imagine", prompt="third"))["code"] == 1


async def test_22_is_never_said_to_those_who_can_not_read_it(sqlite_url: str, tmp_path: Path) -> None:
    async with open_studio(sqlite_url, tmp_path, midjourney_always_one=True) as studio:
        await studio.number()
        second = await studio.submit("imagine", prompt="second")

        assert (second["code"], second["properties"]["numberOfQueues"]) == (1, 1)


async def test_a_task_that_waits_says_why(each_studio: Studio) -> None:
    number = await each_studio.number()
    async with each_studio.darkroom.services.database.writing() as connection:
        paused = {"paused_at": each_studio.darkroom.clock(), "paused_reason": "moving house"}
        await connection.execute(update(channels).values(**paused))

    waiting = decoded(await each_studio.fetch(number))["properties"]
    assert (waiting["numberOfQueues"], waiting["waitingReason"]) == (0, "paused")
    assert "moving house" in waiting["waitingDetail"]


async def test_23_says_that_no_more_may_wait_even_when_many_ask_at_once(
    plain_database_url: str, tmp_path: Path
) -> None:
    async with open_studio(plain_database_url, tmp_path, midjourney_queue=3) as studio:
        envelopes = await asyncio.gather(*(studio.submit("imagine", prompt=f"{n}") for n in range(6)))
        codes = sorted(envelope["code"] for envelope in envelopes)

        assert codes[3:] == [23, 23, 23]
        for envelope in envelopes:
            if envelope["code"] == 23:
                rejected(envelope, 23)
        assert len(await studio.jobs()) == 12
        assert len((await studio.call("GET", "/mj/task/queue")).json()) == 3
        await studio.develop()
        accepted(await studio.submit("imagine", prompt="again"))


async def test_the_queue_lists_what_waits_and_runs_oldest_first(studio: Studio) -> None:
    done = await studio.done()
    first, second = await studio.number(), await studio.number()

    listed = (await studio.call("GET", "/mj/task/queue")).json()
    assert [task["id"] for task in listed] == [first, second]
    newest = (await studio.call("GET", "/mj/task/list")).json()
    assert [task["id"] for task in newest] == [second, first, done["id"]]


async def test_a_cancelled_task_is_a_failure_with_a_reason_and_costs_nothing_more(
    each_studio: Studio,
) -> None:
    number = await each_studio.number()
    for _ in range(2):
        answer = await each_studio.call("POST", f"/mj/task/{number}/cancel")
        assert (answer.status_code, answer.json()["code"]) == (200, 1)
    await each_studio.develop()

    task = decoded(await each_studio.fetch(number))
    assert (task["status"], task["progress"]) == ("FAILURE", "")
    assert "ancelled" in task["failReason"]
    assert {job.status for job in await each_studio.jobs()} == {JobStatus.CANCELLED}
    assert not each_studio.darkroom.provider.call_log.calls


async def test_a_task_is_cancelled_whole_or_not_at_all(
    postgres_copies: PostgresCopies, tmp_path: Path
) -> None:
    with postgres_copies.fresh() as url:
        async with open_studio(url, tmp_path) as studio:
            number = await studio.number()
            async with studio.darkroom.services.database.writing() as connection:  # as a worker that writes
                assert await lock_job(connection, (await studio.jobs())[2].id)
                refused = await studio.call("POST", f"/mj/task/{number}/cancel")
            rejected(refused.json(), 9)
            assert {job.status for job in await studio.jobs()} == {JobStatus.QUEUED}
            assert (await studio.fetch(number))["status"] == "NOT_START"

            answer = await studio.call("POST", f"/mj/task/{number}/cancel")
            assert answer.json()["code"] == 1
            assert {job.status for job in await studio.jobs()} == {JobStatus.CANCELLED}


async def test_cancel_is_called_so_where_the_settings_ask_for_it(sqlite_url: str, tmp_path: Path) -> None:
    async with open_studio(sqlite_url, tmp_path, midjourney_cancel_status="CANCEL") as studio:
        number = await studio.number()
        await studio.call("POST", f"/mj/task/{number}/cancel")

        assert decoded(await studio.fetch(number))["status"] == "CANCEL"


async def test_what_has_ended_or_is_unknown_can_not_be_cancelled(studio: Studio) -> None:
    done = await studio.done()

    rejected((await studio.call("POST", f"/mj/task/{done['id']}/cancel")).json(), 4)
    for unknown in ("1700000000000123", "abc", "0"):
        rejected((await studio.call("POST", f"/mj/task/{unknown}/cancel")).json(), 3)


async def test_pages_are_spring_pages_with_filters(each_studio: Studio) -> None:
    done = await each_studio.done(prompt="a red fox", state="x")
    failed = await each_studio.done(prompt="a dog [fail moderation]")
    waiting = await each_studio.number(prompt="50% off_")

    async def ids(**body: object) -> list[str]:
        page = (await each_studio.call("POST", "/mj/task/query", json=body)).json()
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
    page = (await each_studio.call("POST", "/mj/task-admin/query", json={"pageSize": 2})).json()
    assert (page["totalElements"], page["totalPages"], page["first"], page["last"]) == (3, 2, True, False)


ODD_PAGES = [{"pageSize": 0}, {"pageNumber": -1}, {"status": "odd"}, {"ids": "x"}, []]


async def test_pages_refuse_what_makes_no_sense(studio: Studio) -> None:
    for body in ODD_PAGES:
        answer = await studio.call("POST", "/mj/task/query", json=body)

        rejected(answer.json(), 4)


async def test_accounts_are_channels_without_secrets(studio: Studio) -> None:
    answer = await studio.call("GET", "/mj/account/list")

    (account,) = answer.json()
    assert (account["id"], account["enable"], account["coreSize"]) == ("upstream", True, 16)
    assert "practice-key" not in answer.text
    assert (await studio.call("GET", "/mj/account/upstream/fetch")).json() == account


async def test_a_tasks_picture_can_be_had_by_its_number(studio: Studio) -> None:
    grid = await studio.done()

    picture = await studio.call("GET", f"/mj/image/{grid['id']}")
    assert picture.content == (await studio.service.client.get(grid["imageUrl"])).content
    assert picture.headers["content-type"] == "image/jpeg"


async def test_parts_are_listed_natively_only_to_those_who_ask_for_them(studio: Studio) -> None:
    await studio.number()
    native = await studio.service.submit(model="practice-image")

    listed = (await studio.service.get("/v1/jobs")).json()["data"]
    assert [job["id"] for job in listed] == [native["id"]]
    assert len((await studio.service.get("/v1/jobs?surface=midjourney")).json()["data"]) == 4
