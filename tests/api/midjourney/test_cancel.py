"""cancel: a task and its jobs, all or nothing."""

from pathlib import Path

from models.queries.transitions import lock_job
from models.states import JobStatus
from tests.api.midjourney.stack import MidjourneyStack, open_stack
from tests.api.midjourney.strict_types import decoded, rejected
from tests.support.databases import PostgresCopies


async def test_a_cancelled_task_fails_with_a_reason_and_makes_no_further_call(
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


async def test_a_cancelled_task_has_the_status_of_the_settings(sqlite_url: str, tmp_path: Path) -> None:
    async with open_stack(sqlite_url, tmp_path, midjourney_cancel_status="CANCEL") as stack:
        number = await stack.number()
        await stack.call("POST", f"/mj/task/{number}/cancel")

        assert decoded(await stack.fetch(number))["status"] == "CANCEL"


async def test_what_has_ended_or_is_unknown_can_not_be_cancelled(stack: MidjourneyStack) -> None:
    done = await stack.done()

    rejected((await stack.call("POST", f"/mj/task/{done['id']}/cancel")).json(), 4)
    for unknown in ("1700000000000123", "abc", "0"):
        rejected((await stack.call("POST", f"/mj/task/{unknown}/cancel")).json(), 3)
