"""What calls teach about their channel, kept in its row for the whole fleet."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert
from structlog.testing import capture_logs

from models.ids import new_id
from models.outcomes import CallLimit, CallResult, ErrorCode, Outcome, Scope
from models.tables import attempts
from tests.support.darkroom import Darkroom, OneWorker, open_darkroom
from worker.scheduler.adaptive_rate import AdaptiveRate
from worker.scheduler.channel_capacity import RAMP
from worker.scheduler.circuit_breaker import CircuitBreaker
from worker.tasks.channel_feedback import record_failure, record_rate_headers, record_success

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    practice = {"deliver": "markdown_data", "interval": 0}
    async with open_darkroom(plain_database_url, tmp_path, practice=practice) as opened:
        yield opened


class Caller:
    """A worker with one job that it may have called for many times."""

    def __init__(self, darkroom: Darkroom, worker: OneWorker, job: Any) -> None:
        self.darkroom, self.context, self.job = darkroom, worker.context, job

    async def fails(self, outcome: Outcome, code: ErrorCode, **values: Any) -> None:
        await record_failure(self.context, self.job, CallResult(outcome, code, message="Oh.", **values))

    async def called(self, times: int, *, over: timedelta, first: int = 1) -> None:
        """Note accepted calls, the last one now."""
        row = {"job_id": self.job.id, "generation": 1, "channel": "upstream", "worker_id": new_id()}
        start = self.darkroom.clock() - over
        rows = [
            {**row, "number": first + n, "billed": "yes", "sent_at": start + over * (n + 1) / times}
            for n in range(times)
        ]
        async with self.darkroom.services.database.writing() as connection:
            await connection.execute(insert(attempts), rows)


@pytest.fixture
async def caller(darkroom: Darkroom) -> Caller:
    worker, job_id = await darkroom.worker(), await darkroom.submit(await darkroom.caller())
    await worker.dispatcher.run_round()
    row = await darkroom.job(job_id)

    class Job:
        id, model, channel, channel_id = row.id, row.model, "upstream", row.channel_id

    return Caller(darkroom, worker, Job)


async def learned(darkroom: Darkroom) -> AdaptiveRate:
    return AdaptiveRate.from_json((await darkroom.channel()).learned)


async def test_a_refusal_cools_the_whole_channel_and_teaches_its_rate(
    darkroom: Darkroom, caller: Caller
) -> None:
    await caller.called(40, over=MINUTE - SECOND)
    await caller.fails(Outcome.RETRY, "rate_limited", retry_after=7 * SECOND, provider_message="slow down")
    channel, known = await darkroom.channel(), await learned(darkroom)
    assert channel.cooldown_until == darkroom.clock() + 7 * SECOND
    assert channel.cooldown_reason == "slow down"
    assert channel.last_error["code"] == "rate_limited"
    assert known.rate == pytest.approx(40 * 0.94)
    assert caller.context.in_flight.closed.cooling["upstream"] == channel.cooldown_until


async def test_nothing_starts_while_a_channel_cools_and_less_afterwards(
    darkroom: Darkroom, caller: Caller
) -> None:
    await caller.called(60, over=MINUTE - SECOND)
    await caller.fails(Outcome.RETRY, "rate_limited", retry_after=7 * SECOND)
    other = await darkroom.worker()
    for _ in range(9):
        await darkroom.submit((await darkroom.job(caller.job.id)).caller_id)
    await other.dispatcher.run_round()
    assert other.messages == []
    darkroom.clock.forward(seconds=8)
    await other.dispatcher.run_round()
    assert [len(job_ids) for _, job_ids, _ in other.messages] == [1]


async def test_a_limit_that_the_provider_names_is_stored(darkroom: Darkroom, caller: Caller) -> None:
    await caller.fails(Outcome.RETRY, "rate_limited", limit=CallLimit(10, 5 * MINUTE))
    assert (await learned(darkroom)).told == 2


async def test_too_many_calls_in_flight_lower_the_concurrency(darkroom: Darkroom, caller: Caller) -> None:
    await caller.fails(Outcome.RETRY, "concurrency_limited")
    assert (await learned(darkroom)).concurrency == 1


async def test_five_failures_in_a_row_open_the_breaker_and_a_success_closes_it(
    darkroom: Darkroom, caller: Caller
) -> None:
    for _ in range(5):
        await caller.fails(Outcome.RETRY, "upstream_error", provider_message="HTTP 500")
    assert CircuitBreaker.from_json((await darkroom.channel()).breakers[""]).state(darkroom.clock()) == "open"
    other = await darkroom.worker()
    await other.dispatcher.run_round()
    assert other.messages == []
    assert other.context.in_flight.closed.failing == {("upstream", "")}
    await record_success(other.context, caller.job)
    assert (await darkroom.channel()).breakers == {}


async def test_an_overload_that_lasts_teaches_no_rate_although_other_calls_are_just_leaving(
    darkroom: Darkroom, caller: Caller
) -> None:
    await caller.called(40, over=MINUTE)
    await caller.fails(Outcome.RETRY, "upstream_saturated")
    darkroom.clock.forward(seconds=6)
    await caller.called(3, over=SECOND, first=100)  # still open; they will be refused like this one
    await caller.fails(Outcome.RETRY, "upstream_saturated")
    known = await learned(darkroom)
    assert (known.rate, known.rest) == (None, 10)


async def test_a_channel_whose_breaker_closes_begins_slowly(darkroom: Darkroom, caller: Caller) -> None:
    for _ in range(5):
        await caller.fails(Outcome.RETRY, "upstream_error")
    for _ in range(5):
        await darkroom.submit((await darkroom.job(caller.job.id)).caller_id)
    darkroom.clock.forward(seconds=16)
    other = await darkroom.worker()
    await other.dispatcher.run_round()  # the probe
    other.messages.clear()
    await record_success(other.context, caller.job)
    darkroom.clock.forward(seconds=1)
    await other.dispatcher.run_round()
    first = sum(len(job_ids) for _, job_ids, _ in other.messages)
    darkroom.clock.forward(seconds=RAMP.total_seconds())
    await other.dispatcher.run_round()
    assert (first, sum(len(job_ids) for _, job_ids, _ in other.messages)) == (2, 4)


@pytest.mark.parametrize("outcome", [Outcome.PERMANENT, Outcome.NO_IMAGE])
async def test_a_probe_that_is_answered_closes_the_breaker_even_without_a_picture(
    darkroom: Darkroom, caller: Caller, outcome: Outcome
) -> None:
    for _ in range(5):
        await caller.fails(Outcome.RETRY, "upstream_error")
    caller.context.in_flight.closed.failing = {("upstream", "")}
    await caller.fails(outcome, "moderation" if outcome is Outcome.PERMANENT else "no_image")
    assert (await darkroom.channel()).breakers == {}


async def test_a_half_open_breaker_lets_one_call_through(darkroom: Darkroom, caller: Caller) -> None:
    for _ in range(5):
        await caller.fails(Outcome.RETRY, "origin_unreachable")
    for _ in range(3):
        await darkroom.submit((await darkroom.job(caller.job.id)).caller_id)
    darkroom.clock.forward(seconds=20)
    other = await darkroom.worker()
    await other.dispatcher.run_round()
    await other.dispatcher.run_round()
    assert [len(job_ids) for _, job_ids, _ in other.messages] == [1]


async def test_what_needs_a_person_trips_the_channel_or_only_its_model(
    darkroom: Darkroom, caller: Caller
) -> None:
    await caller.fails(
        Outcome.NEEDS_HUMAN, "model_not_found", scope=Scope.MODEL, provider_message="no such model"
    )
    channel = await darkroom.channel()
    assert (channel.tripped_at, channel.blocked_models) == (None, {"practice-image": "no such model"})
    await caller.fails(Outcome.NEEDS_HUMAN, "auth_invalid", scope=Scope.KEY, provider_message="bad key")
    assert (await darkroom.channel()).tripped_reason == "bad key"


@pytest.mark.parametrize(("scope", "what"), [(Scope.KEY, "a channel"), (Scope.MODEL, "this model of a")])
async def test_the_log_says_that_a_person_is_needed_with_the_providers_words(
    caller: Caller, scope: Scope, what: str
) -> None:
    with capture_logs() as logs:
        await caller.fails(Outcome.NEEDS_HUMAN, "auth_invalid", scope=scope, provider_message="bad key")
        await caller.fails(Outcome.RETRY, "upstream_error")
    needed, other = logs
    assert needed["event"].startswith(what)
    assert "needs a person" in needed["event"]
    assert (needed["log_level"], needed["provider_says"], needed["channel"]) == (
        "error",
        "bad key",
        "upstream",
    )
    assert other["log_level"] == "warning"


async def test_headers_that_say_that_nothing_is_left_are_heeded_before_a_refusal(
    darkroom: Darkroom, caller: Caller
) -> None:
    left = {"x-ratelimit-remaining-requests": "3", "x-ratelimit-reset-requests": "20s"}
    await record_rate_headers(caller.context, caller.job, left)
    assert (await darkroom.channel()).cooldown_until is None
    await record_rate_headers(caller.context, caller.job, {**left, "x-ratelimit-remaining-requests": "0"})
    assert (await darkroom.channel()).cooldown_until == darkroom.clock() + 20 * SECOND


async def test_a_failure_of_the_job_alone_does_not_concern_its_channel(
    darkroom: Darkroom, caller: Caller
) -> None:
    before = await darkroom.channel()
    await caller.fails(Outcome.PERMANENT, "moderation")
    assert await darkroom.channel() == before
