"""Who reclaims a job can only guess what its call came to; what its worker wrote meanwhile is known."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from models.ids import new_id
from models.outcomes import Billed, CallResult, Outcome
from models.queries.attempts import AttemptRecord
from models.queries.leases import leased_jobs
from tests.support.darkroom import Darkroom, open_darkroom
from worker.lifecycle import commit, fail, hold, job_error, running, start
from worker.tasks.polling import WORKER_LOST


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    async with open_darkroom(plain_database_url, tmp_path, practice={}) as opened:
        yield opened


async def test_a_guess_that_comes_late_does_not_replace_what_is_known(darkroom: Darkroom) -> None:
    worker, job_id = await darkroom.worker(), await darkroom.submit(await darkroom.caller())
    await worker.dispatcher.run_round()
    (_, _, lease), at = worker.messages[0], darkroom.clock()
    async with darkroom.services.database.reading() as connection:
        (job,) = await leased_jobs(connection, [job_id], lease, "leased")
    known = CallResult(Outcome.NO_IMAGE, "no_image", "Only words came.", Billed.YES)
    async with darkroom.services.database.writing() as connection:
        await commit(connection, [start(job, worker=new_id(), at=at)])
    error = job_error(known, retryable=False, message=known.message)
    theirs = AttemptRecord.of(job_id, 1, known, finished_at=at)
    guess = AttemptRecord.of(job_id, 1, WORKER_LOST, finished_at=at)
    job = running(job)
    async with darkroom.services.database.writing() as connection:
        await commit(connection, [fail(job, error, at=at, record=theirs)])
        await commit(connection, [hold(job, error, at=at, record=guess)])
    (attempt,) = await darkroom.attempts(job_id)
    assert (attempt.outcome, attempt.error_code, attempt.billed) == ("no_image", "no_image", "yes")
