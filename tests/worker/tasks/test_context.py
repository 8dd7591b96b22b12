"""A chunk of leased jobs, run as one asyncio task each."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from uuid import UUID

import pytest

from models.errors import DatabaseAway
from models.ids import new_id
from models.queries.leases import LeasedJob
from models.states import JobStatus
from tests.support.darkroom import Darkroom, open_darkroom
from worker.process.log_context import present_log_context
from worker.tasks.context import TaskContext, run_chunk


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    practice = {"deliver": "markdown_data", "interval": 0}
    async with open_darkroom(plain_database_url, tmp_path, practice=practice) as opened:
        yield opened


async def test_a_doubled_message_makes_no_second_call(darkroom: Darkroom) -> None:
    worker, job_id = await darkroom.worker(), await darkroom.submit(await darkroom.caller())
    await worker.dispatcher.run_round()
    worker.messages *= 2
    await worker.deliver()
    assert (await darkroom.job(job_id)).status == "succeeded"
    assert len(darkroom.provider.call_log.calls) == 1


async def test_lines_of_an_attempt_have_the_request_of_its_submit(darkroom: Darkroom) -> None:
    worker = await darkroom.worker()
    job_ids = [await darkroom.submit(await darkroom.caller(), request_id=each) for each in ("r-1", None)]
    await worker.dispatcher.run_round()
    found: dict[UUID, Mapping[str, object]] = {}

    async def record(_: TaskContext, job: LeasedJob) -> None:
        found[job.id] = present_log_context().fields

    for _, _, lease in worker.messages:
        await run_chunk(worker.context, job_ids, lease, JobStatus.LEASED, record)
    names = {"job", "attempt", "channel", "caller"}
    assert {key: set(fields) - names for key, fields in found.items()} == {
        job_ids[0]: {"request_id"},
        job_ids[1]: set(),
    }
    assert found[job_ids[0]]["request_id"] == "r-1"


async def test_jobs_under_another_lease_are_not_run_and_no_longer_in_flight(darkroom: Darkroom) -> None:
    worker, job_id = await darkroom.worker(), await darkroom.submit(await darkroom.caller())
    await worker.dispatcher.run_round()
    run: list[LeasedJob] = []

    async def record(_: TaskContext, job: LeasedJob) -> None:
        run.append(job)

    await run_chunk(worker.context, [job_id], new_id(), JobStatus.LEASED, record)
    assert (run, worker.context.in_flight.jobs) == ([], {})


async def test_a_job_whose_task_fails_is_not_in_flight_and_the_others_go_on(darkroom: Darkroom) -> None:
    worker, caller = await darkroom.worker(), await darkroom.caller()
    job_ids = {await darkroom.submit(caller) for _ in range(2)}
    await worker.dispatcher.run_round()
    (_, _, lease), done = worker.messages[0], []

    async def fail_first(_: TaskContext, job: LeasedJob) -> None:
        if job.id == min(job_ids):
            raise RuntimeError("a defect")
        done.append(job.id)

    await run_chunk(worker.context, list(job_ids), lease, JobStatus.LEASED, fail_first)
    assert (done, worker.context.in_flight.jobs) == ([max(job_ids)], {})


@pytest.mark.parametrize(
    ("state", "ended", "hint"),
    [("leased", "failed", "Nothing was sent"), ("storing", "held", "reread")],
)
async def test_a_job_at_which_the_task_fails_three_times_by_a_defect_is_not_leased_for_ever(
    darkroom: Darkroom, state: str, ended: str, hint: str
) -> None:
    worker, lease, status = await darkroom.worker(), new_id(), JobStatus(state)
    values = {"status": state, "worker_id": worker.context.worker_id, "lease_token": lease}
    times = {"leased_at": darkroom.clock(), "start_at": darkroom.clock()}
    channel = (await darkroom.channel()).id
    job_id = await darkroom.submit(await darkroom.caller(), channel_id=channel, **values, **times)

    async def fail(_: TaskContext, job: LeasedJob) -> None:
        raise RuntimeError("a defect")

    for _ in range(2):
        await run_chunk(worker.context, [job_id], lease, status, fail)
        assert (await darkroom.job(job_id)).status == state
    await run_chunk(worker.context, [job_id], lease, status, fail)
    job = await darkroom.job(job_id)
    assert (job.status, job.error["code"]) == (ended, "internal_error")
    assert hint in job.error["message"]


async def test_a_database_that_is_away_is_not_counted_as_a_defect(darkroom: Darkroom) -> None:
    worker, job_id = await darkroom.worker(), await darkroom.submit(await darkroom.caller())
    await worker.dispatcher.run_round()
    _, _, lease = worker.messages[0]

    async def fail(_: TaskContext, job: LeasedJob) -> None:
        raise DatabaseAway("it restarts")

    for _ in range(5):
        await run_chunk(worker.context, [job_id], lease, JobStatus.LEASED, fail)
    assert (worker.context.faults.total(), (await darkroom.job(job_id)).status) == (0, "leased")
