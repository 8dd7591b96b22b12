"""What is written instead of an update that the database does not accept."""

from dataclasses import replace

import psycopg
import pytest
from sqlalchemy.exc import DataError

from models.outcomes import Billed, CallResult, JobError, Outcome
from models.queries.attempts import AttemptRecord
from models.states import JobStatus
from tests.worker.leased import NOW, leased_job
from worker.lifecycle import (
    JobUpdate,
    begin_storing,
    fail,
    note_handles,
    postpone_storing,
    release_lease,
    report_progress,
)
from worker.unwritable import described, problem_of, substitutes

LEASED = leased_job()
RUNNING, STORING = replace(LEASED, status=JobStatus.RUNNING), replace(LEASED, status=JobStatus.STORING)
FAILURE = JobError(code="refusal", message="No.", outcome=Outcome.PERMANENT, retryable=False)


def record(outcome: Outcome) -> AttemptRecord:
    result = CallResult(outcome, "refusal", provider_message="a long text", billed=Billed.UNKNOWN)
    return AttemptRecord.of(LEASED.id, 1, result, finished_at=NOW)


def ends(update: JobUpdate) -> list[JobStatus]:
    return [each.transition.entering for each in substitutes(update, "a problem") if each.transition]


@pytest.mark.parametrize(
    ("update", "entering"),
    [
        (begin_storing(RUNNING, record(Outcome.SUCCESS), {}, "", at=NOW), JobStatus.HELD),
        (fail(RUNNING, FAILURE, at=NOW, record=record(Outcome.AMBIGUOUS)), JobStatus.HELD),
        (fail(RUNNING, FAILURE, at=NOW, record=record(Outcome.PERMANENT)), JobStatus.FAILED),
        (fail(LEASED, FAILURE, at=NOW), JobStatus.FAILED),
        (release_lease(LEASED.id, LEASED.lease_token, at=NOW, why=""), JobStatus.FAILED),
        (postpone_storing(STORING, {}, after=NOW - NOW, at=NOW, why="", tries=0), JobStatus.HELD),
    ],
)
def test_a_job_whose_image_may_exist_is_held_and_any_other_fails(
    update: JobUpdate, entering: JobStatus
) -> None:
    assert set(ends(update)) == {entering}
    for instead in substitutes(update, "a problem"):
        assert instead.transition is not None
        assert instead.transition.lease == LEASED.lease_token
        assert "a problem" in (instead.transition.detail or "")


@pytest.mark.parametrize("update", [report_progress(RUNNING, 5, at=NOW), note_handles(RUNNING, {})])
def test_a_job_goes_on_without_progress_and_handles(update: JobUpdate) -> None:
    assert not ends(update)


def test_what_the_call_came_to_is_kept_without_the_providers_texts_and_at_last_given_up() -> None:
    update = begin_storing(RUNNING, record(Outcome.SUCCESS), {}, "", at=NOW)
    first, last = substitutes(update, "a problem")
    assert first.record is not None
    assert (first.record.outcome, first.record.billed) == (Outcome.SUCCESS, Billed.UNKNOWN)
    assert first.record.provider_message is None
    assert last.record is None
    assert described(update)["outcome"] == "success"


def test_a_problem_is_one_line_without_the_values_of_the_statement() -> None:
    error = DataError("INSERT", {"prompt": "a secret"}, psycopg.DataError("out of range\nDETAIL: more"))
    assert problem_of(error) == "out of range (DataError)"
