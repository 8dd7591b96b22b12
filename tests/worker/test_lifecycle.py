"""Transitions of a leased job, and the rows that are written with them."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from models.ids import new_id
from models.outcomes import Billed, CallResult, JobError, Outcome
from models.queries.attempts import AttemptRecord
from models.queries.leases import leased_jobs
from models.queries.transitions import Transition
from models.retry.decision import Decision, GiveUp, Hold, Retry
from models.states import JobStatus
from tests.support.darkroom import Darkroom, open_darkroom
from tests.worker.leased import NOW, leased_job
from worker.lifecycle import (
    JobUpdate,
    after_decision,
    commit,
    fail,
    hold,
    job_error,
    release_lease,
    running,
    start,
    storing,
    succeed,
    undo_start,
)
from worker.tasks.polling import WORKER_LOST

BROKEN = CallResult(Outcome.RETRY, "upstream_error", "It broke.", Billed.NO, provider_status=502)


def transition_of(update: JobUpdate) -> Transition:
    assert update.transition is not None
    return update.transition


def test_a_start_counts_an_attempt_and_undoing_it_takes_it_back() -> None:
    job, worker = leased_job(attempts_used=1, next_number=2), new_id()
    begun, undone = start(job, worker=worker, at=NOW), undo_start(job, at=NOW, why="late")
    assert begun.sent is not None
    assert (begun.sent.number, begun.sent.worker_id, begun.sent.billed) == (2, worker, Billed.UNKNOWN)
    assert transition_of(begun).changes["attempts_used"] == 2
    assert transition_of(undone).changes["attempts_used"] == 1
    assert undone.unsent == (job.id, 2)
    assert (transition_of(undone).leaving, transition_of(undone).entering) == (
        JobStatus.RUNNING,
        JobStatus.QUEUED,
    )


def test_every_transition_of_a_leased_job_holds_only_under_its_lease() -> None:
    job, at = leased_job(), NOW
    error = JobError(code="bad_request", message="No.", outcome=Outcome.PERMANENT, retryable=False)
    updates = [
        start(job, worker=new_id(), at=at),
        undo_start(job, at=at, why="late"),
        release_lease(job.id, job.lease_token, at=at, why="late"),
        fail(job, error, at=at),
        hold(running(job), error, at=at),
        succeed(storing(running(job)), [], at=at),
        after_decision(running(job), Hold(""), BROKEN, at=at, record=None),
    ]
    assert {transition_of(update).lease for update in updates} == {job.lease_token}


def test_only_a_running_job_takes_its_text_with_its_success() -> None:
    job = running(leased_job())
    assert transition_of(succeed(job, [], at=NOW, text="words")).changes["text"] == "words"
    assert "text" not in transition_of(succeed(storing(job), [], at=NOW)).changes


@pytest.mark.parametrize(
    ("decision", "entering", "used"),
    [
        (Retry(timedelta(seconds=9)), JobStatus.QUEUED, 1),
        (Retry(timedelta(seconds=9), counts=False), JobStatus.QUEUED, 0),
        (Hold("it may have been charged"), JobStatus.HELD, None),
        (GiveUp("3 of 3 attempts used"), JobStatus.FAILED, None),
    ],
)
@pytest.mark.parametrize("status", [JobStatus.RUNNING, JobStatus.STORING])
def test_each_decision_leads_to_its_transition(
    decision: Decision, entering: JobStatus, used: int | None, status: JobStatus
) -> None:
    job = leased_job(status=status, attempts_used=1)
    record = AttemptRecord.of(job.id, 1, BROKEN)
    update = after_decision(job, decision, BROKEN, at=NOW, record=record)
    made = transition_of(update)
    assert (made.leaving, made.entering, update.record) == (status, entering, record)
    assert made.changes.get("attempts_used") == used
    if isinstance(decision, Retry):
        assert made.changes["not_before"] == NOW + timedelta(seconds=9)
        assert made.changes["avoid_channel_id"] == job.channel_id
    else:
        assert made.changes["error"]["message"] == made.detail
        assert "It broke." in (made.detail or "")


@pytest.mark.parametrize(
    ("outcome", "retryable"),
    [(Outcome.RETRY, True), (Outcome.AMBIGUOUS, True), (Outcome.PERMANENT, False), (Outcome.NO_IMAGE, False)],
)
def test_an_error_says_whether_the_job_may_be_retried(outcome: Outcome, retryable: bool) -> None:
    error = job_error(CallResult(outcome), retryable=False, message="It broke.")
    assert error.to_json() == {
        "code": "unknown",
        "message": "It broke.",
        "outcome": outcome,
        "retryable": retryable,
        "provider_status": None,
        "provider_message": None,
    }


def test_a_record_is_cut_to_what_its_row_can_store() -> None:
    result = CallResult(Outcome.PERMANENT, "refusal", "No.", Billed.NO, provider_message="x\0" * 3000)
    record = AttemptRecord.of(new_id(), 1, result, request_id="r" * 300)
    assert (record.provider_message, record.provider_request_id) == ("x" * 2000, "r" * 200)


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    async with open_darkroom(plain_database_url, tmp_path, practice={}) as opened:
        yield opened


async def test_a_late_unknown_outcome_does_not_replace_a_known_one(darkroom: Darkroom) -> None:
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


async def test_a_stale_update_beside_a_good_one_of_the_same_job_does_not_hold(
    darkroom: Darkroom,
) -> None:
    worker, job_id = await darkroom.worker(), await darkroom.submit(await darkroom.caller())
    await worker.run_round()
    good = JobUpdate(Transition(job_id, JobStatus.SUCCEEDED, JobStatus.SUCCEEDED, darkroom.clock()))
    stale = JobUpdate(
        Transition(job_id, JobStatus.RUNNING, JobStatus.SUCCEEDED, darkroom.clock(), lease=new_id())
    )
    async with darkroom.services.database.writing() as connection:
        revisions = await commit(connection, [good, stale])
    assert good.holds(revisions)
    assert not stale.holds(revisions)
