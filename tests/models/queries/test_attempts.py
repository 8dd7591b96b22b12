"""Attempt rows: what a late or a second record may change."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from models.ids import new_id
from models.outcomes import Billed, CallResult, Outcome
from models.queries.attempts import (
    AttemptHandles,
    AttemptRecord,
    NewAttempt,
    SentCall,
    amend_attempts,
    correct_attempt,
    delete_attempts,
    earlier_results,
    finish_attempts,
    insert_attempts,
    recent_calls,
    save_handles,
)
from tests.support.darkroom import Darkroom, open_darkroom
from tests.support.databases import PARTITIONED

pytestmark = pytest.mark.parametrize("plain_database_url", PARTITIONED, indirect=True)

LOST = CallResult(Outcome.AMBIGUOUS, "connection_lost", billed=Billed.UNKNOWN)
SUCCESS = CallResult(Outcome.SUCCESS, billed=Billed.YES)
REFUSED = CallResult(Outcome.RETRY, "rate_limited", billed=Billed.NO)


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    async with open_darkroom(plain_database_url, tmp_path, practice={}) as opened:
        yield opened


def new_attempt(darkroom: Darkroom, job_id: UUID, number: int = 1, **values: Any) -> NewAttempt:
    usual = {"generation": 1, "channel": "one", "worker_id": new_id(), "sent_at": darkroom.clock()}
    return NewAttempt(job_id=job_id, number=number, **{**usual, **values})


async def test_a_record_ends_an_open_attempt_and_keeps_its_handles(darkroom: Darkroom) -> None:
    job_id, at = await darkroom.submit(await darkroom.caller()), darkroom.clock()
    handles = {"task_id": "task-1"}
    async with darkroom.services.database.writing() as connection:
        await insert_attempts(connection, [new_attempt(darkroom, job_id)])
        await save_handles(connection, [AttemptHandles(job_id=job_id, number=1, handles=handles)])
        await finish_attempts(connection, [AttemptRecord.of(job_id, 1, LOST, finished_at=at)])
        await finish_attempts(connection, [AttemptRecord.of(job_id, 1, SUCCESS, finished_at=at)])
    (attempt,) = await darkroom.attempts(job_id)
    assert (attempt.outcome, attempt.handles) == ("ambiguous", handles)


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [(LOST, SUCCESS, "success"), (LOST, LOST, "ambiguous"), (SUCCESS, LOST, "success")],
)
async def test_an_amendment_replaces_unknown_outcomes_only(
    darkroom: Darkroom, first: CallResult, second: CallResult, outcome: str
) -> None:
    job_id, at = await darkroom.submit(await darkroom.caller()), darkroom.clock()
    async with darkroom.services.database.writing() as connection:
        await insert_attempts(connection, [new_attempt(darkroom, job_id)])
        record = AttemptRecord.of(job_id, 1, first, finished_at=at, http_status=200, request_id="r-1")
        await finish_attempts(connection, [record])
        await amend_attempts(connection, [AttemptRecord.of(job_id, 1, second)])
    (attempt,) = await darkroom.attempts(job_id)
    assert (attempt.outcome, attempt.http_status, attempt.provider_request_id) == (outcome, 200, "r-1")


async def test_an_attempt_that_ended_is_not_deleted(darkroom: Darkroom) -> None:
    job_id, at = await darkroom.submit(await darkroom.caller()), darkroom.clock()
    async with darkroom.services.database.writing() as connection:
        await insert_attempts(connection, [new_attempt(darkroom, job_id, number) for number in (1, 2)])
        await finish_attempts(connection, [AttemptRecord.of(job_id, 1, REFUSED, finished_at=at)])
        await delete_attempts(connection, [(job_id, 1), (job_id, 2)])
    assert [attempt.number for attempt in await darkroom.attempts(job_id)] == [1]


async def test_earlier_results_are_those_of_the_same_generation(darkroom: Darkroom) -> None:
    job_id, at = await darkroom.submit(await darkroom.caller()), darkroom.clock()
    attempts = [new_attempt(darkroom, job_id, number, generation=min(number, 2)) for number in (1, 2, 3)]
    records = [AttemptRecord.of(job_id, number, REFUSED, finished_at=at) for number in (1, 2, 3)]
    async with darkroom.services.database.writing() as connection:
        await insert_attempts(connection, attempts)
        await finish_attempts(connection, records)
        assert await earlier_results(connection, job_id, 2, 3) == [("retry", "rate_limited")]


async def test_a_corrected_attempt_is_a_charged_success(darkroom: Darkroom) -> None:
    job_id, at = await darkroom.submit(await darkroom.caller()), darkroom.clock()
    async with darkroom.services.database.writing() as connection:
        await insert_attempts(connection, [new_attempt(darkroom, job_id)])
        await finish_attempts(connection, [AttemptRecord.of(job_id, 1, LOST, finished_at=at)])
        await correct_attempt(connection, job_id, 1)
    (attempt,) = await darkroom.attempts(job_id)
    assert (attempt.outcome, attempt.error_code, attempt.billed) == ("success", None, "yes")


async def test_recent_calls_are_listed_in_order_with_their_models_and_which_were_refused(
    darkroom: Darkroom,
) -> None:
    """A call in flight counts as accepted; of one that was sent a moment ago nothing is known."""
    job_id, at = await darkroom.submit(await darkroom.caller(), model="m"), darkroom.clock()
    ages = {1: 90, 2: 30, 4: 1, 3: 20}  # seconds; the third is refused
    attempts = [
        new_attempt(darkroom, job_id, number, sent_at=at - timedelta(seconds=age))
        for number, age in ages.items()
    ]
    async with darkroom.services.database.writing() as connection:
        await insert_attempts(connection, attempts)
        await finish_attempts(connection, [AttemptRecord.of(job_id, 3, REFUSED, finished_at=at)])
        found = await recent_calls(connection, "one", at, {"rate_limited"}, timedelta(minutes=1))
        assert await recent_calls(connection, "two", at, {"rate_limited"}, timedelta(minutes=1)) == []
    assert found == [
        SentCall(at - timedelta(seconds=age), refused, "m")
        for age, refused in ((30, False), (20, True), (1, None))
    ]
