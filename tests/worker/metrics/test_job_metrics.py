"""Jobs are counted when their transaction is committed, and not before."""

from dataclasses import replace
from datetime import timedelta

import pytest

from models.database import Database
from models.queries.transitions import MadeTransition
from models.states import JobStatus
from tests.worker.leased import NOW
from tests.worker.metrics.samples import sample
from worker.metrics.job_metrics import committed, rejected

S = JobStatus
MADE = MadeTransition(
    leaving=S.QUEUED,
    entering=S.LEASED,
    at=NOW,
    model="counted-image",
    priority=5,
    created_at=NOW - timedelta(hours=1),
    due_at=NOW - timedelta(seconds=20),
    leased_at=NOW - timedelta(seconds=8),
    error_code=None,
)
OF_MODEL = {"model": "counted-image"}


@pytest.fixture
def plain_database_url(tmp_path: object) -> str:
    """A file without tables: none of these tests needs one."""
    return f"sqlite:///{tmp_path}/empty.db"


async def observe(database: Database, *made: MadeTransition) -> None:
    async with database.writing() as connection:
        committed(connection, made, ())


async def test_waiting_counts_from_the_due_time_not_from_the_submit(database: Database) -> None:
    await observe(database, MADE)
    waited = sample("darkroom_job_wait_seconds_sum", **OF_MODEL, priority="normal")
    assert waited == 20
    await observe(database, replace(MADE, priority=9))
    assert sample("darkroom_job_wait_seconds_count", **OF_MODEL, priority="high") == 1


async def test_the_end_of_a_job_has_its_outcome_and_both_times(database: Database) -> None:
    failed = replace(MADE, leaving=S.RUNNING, entering=S.FAILED, error_code="refusal")
    await observe(database, failed)
    outcome = {**OF_MODEL, "outcome": "failed"}
    assert sample("darkroom_jobs_finished_total", **outcome, error_type="refusal") == 1
    assert sample("darkroom_job_run_seconds_sum", **outcome) == 8
    assert sample("darkroom_job_duration_seconds_sum", **outcome) == 3600


async def test_a_transaction_that_is_rolled_back_counts_nothing(database: Database) -> None:
    before = sample("darkroom_leases_expired_total", **OF_MODEL)
    returned = replace(MADE, leaving=S.LEASED, entering=S.QUEUED)

    async def fail() -> None:
        async with database.writing() as connection:
            committed(connection, [returned], ())
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        await fail()
    assert sample("darkroom_leases_expired_total", **OF_MODEL) == before
    await observe(database, returned)
    assert sample("darkroom_leases_expired_total", **OF_MODEL) == before + 1


async def test_a_job_whose_times_can_not_be_read_is_counted_all_the_same(database: Database) -> None:
    held = replace(MADE, leaving=S.RUNNING, entering=S.HELD, error_code="timeout", created_at=None)
    ended = replace(held, leaving=S.HELD, entering=S.CANCELLED, leased_at=None, error_code=None)
    await observe(database, held, ended)
    assert sample("darkroom_jobs_held_total", **OF_MODEL, error_type="timeout") == 1
    assert sample("darkroom_jobs_finished_total", **OF_MODEL, outcome="cancelled", error_type="") == 1


def test_reasons_of_rejections_are_of_a_closed_set() -> None:
    before = sample("darkroom_jobs_rejected_total", reason="invalid")
    rejected("what a client wrote")
    assert sample("darkroom_jobs_rejected_total", reason="invalid") == before + 1
