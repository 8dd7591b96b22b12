"""What calls teach about their channel, kept in its row for the whole fleet."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, update
from structlog.testing import capture_logs

from models.ids import new_id
from models.outcomes import CallLimit, CallResult, ErrorCode, Outcome, Scope
from models.queries.scheduling.snapshot import read_snapshot
from models.queue_status import QueuedJob, WaitReason
from models.tables import attempts
from models.tables import jobs as jobs_table
from tests.support.darkroom import Darkroom, OneWorker, open_darkroom
from worker.scheduler.channel_capacity import RAMP
from worker.scheduler.circuit_breaker import CircuitBreaker
from worker.scheduler.learned_limits import MAX_MODELS, LearnedLimits, LearnedState
from worker.scheduler.wait_reason import SchedulerView
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
        self.calls = 0

    async def fails(self, outcome: Outcome, code: ErrorCode, *, times: int = 1, **values: Any) -> None:
        for _ in range(times):
            await self.called(1, over=SECOND, error_code=code, finished_at=self.darkroom.clock())
            await record_failure(self.context, self.job, CallResult(outcome, code, message="Oh.", **values))

    async def called(self, times: int, *, over: timedelta, **values: Any) -> None:
        """Note calls, the last one now; they were accepted, unless ``values`` say otherwise."""
        row = {"job_id": self.job.id, "generation": 1, "channel": "upstream", "worker_id": new_id()}
        start, first = self.darkroom.clock() - over, self.calls + 1
        rows = [
            {**row, "number": first + n, "billed": "yes", "sent_at": start + over * (n + 1) / times, **values}
            for n in range(times)
        ]
        self.calls += times
        async with self.darkroom.services.database.writing() as connection:
            await connection.execute(insert(attempts), rows)

    async def state(self) -> LearnedState:
        """Return what is known of the limits of its model."""
        channel = await self.darkroom.channel()
        return LearnedLimits.from_row(channel).of(self.job.model)


@pytest.fixture
async def caller(darkroom: Darkroom) -> Caller:
    return await calling(darkroom)


async def all_fail(
    darkroom: Darkroom, code: ErrorCode = "upstream_error", *, jobs: int = 5, model: str = "practice-image"
) -> None:
    """Let calls of different jobs fail, one each."""
    for _ in range(jobs):
        each = await calling(darkroom, model=model)
        await each.fails(Outcome.RETRY, code, provider_message="HTTP 500")
        async with darkroom.services.database.writing() as connection:
            ended = {"status": "failed", "worker_id": None, "lease_token": None}
            await connection.execute(update(jobs_table).where(jobs_table.c.id == each.job.id).values(**ended))


async def calling(darkroom: Darkroom, **values: Any) -> Caller:
    """Lease a job of a caller of its own."""
    worker, job_id = await darkroom.worker(), await darkroom.submit(await darkroom.caller(), **values)
    await worker.dispatcher.run_round()
    row = await darkroom.job(job_id)

    class Job:
        id, model, channel, channel_id = row.id, row.model, "upstream", row.channel_id
        next_number = 1

    return Caller(darkroom, worker, Job)


async def test_a_refusal_cools_its_model_and_teaches_its_rate(darkroom: Darkroom, caller: Caller) -> None:
    await caller.called(40, over=MINUTE - SECOND)
    await caller.fails(Outcome.RETRY, "rate_limited", retry_after=7 * SECOND, provider_message="slow down")
    channel, known = await darkroom.channel(), await caller.state()
    until = darkroom.clock() + 7 * SECOND
    assert (known.cooldown_until, known.cooldown_reason) == (until, "Oh.")
    assert (channel.cooldown_until, channel.learned.get("rate")) == (None, None)
    assert channel.last_error["code"] == "rate_limited"
    assert known.rate.rate == pytest.approx(40 * 0.94)
    assert caller.context.in_flight.closed.cooling["upstream", "practice-image"] == until


async def test_a_refused_model_leaves_the_others_running_and_its_jobs_say_which_it_is(
    darkroom: Darkroom, caller: Caller
) -> None:
    await caller.fails(Outcome.RETRY, "rate_limited", retry_after=30 * SECOND, provider_message="slow down")
    account = (await darkroom.job(caller.job.id)).caller_id
    for model in ("practice-image", "practice-other"):
        await darkroom.submit(account, model=model)
    other = await darkroom.worker()
    await other.dispatcher.run_round()
    (started,) = [job_id for _, job_ids, _ in other.messages for job_id in job_ids]
    assert (await darkroom.job(started)).model == "practice-other"
    async with darkroom.services.database.reading() as connection:
        snapshot = await read_snapshot(connection, at=darkroom.clock(), alive_since=darkroom.clock() - MINUTE)
    job = QueuedJob(
        **{"model": "practice-image", "caller_id": account, "not_before": darkroom.clock()},
        **{"backing_off": False, "since": darkroom.clock()},
    )
    status = SchedulerView(snapshot, darkroom.clock()).wait_status(job)
    assert status.reason is WaitReason.COOLDOWN
    assert status.detail == "upstream cools down for practice-image: Oh."
    assert status.next_eligible_at == darkroom.clock() + 30 * SECOND


async def test_refusals_of_two_models_together_cut_the_rate_of_the_whole_channel(
    darkroom: Darkroom, caller: Caller
) -> None:
    other = await calling(darkroom, model="practice-other")
    for each in (caller, other):
        await each.called(20, over=MINUTE - SECOND)
    for each in (caller, other, caller, other):
        await each.fails(Outcome.RETRY, "rate_limited")
    channel = await darkroom.channel()
    assert channel.learned["rate"] == pytest.approx(40 * 0.94)
    assert channel.cooldown_until is not None
    assert [(await each.state()).rate.rate for each in (caller, other)] == [None, None]


async def test_a_refusal_that_concerns_the_key_cuts_the_whole_channel_at_once(
    darkroom: Darkroom, caller: Caller
) -> None:
    await caller.called(40, over=MINUTE - SECOND)
    await caller.fails(Outcome.RETRY, "rate_limited", retry_after=7 * SECOND, scope=Scope.KEY)
    channel = await darkroom.channel()
    assert channel.learned["rate"] == pytest.approx(40 * 0.94)
    assert channel.cooldown_until == darkroom.clock() + 7 * SECOND
    assert (await caller.state()).rate.rate is None


async def test_a_refusal_by_chance_is_rested_from_for_a_moment_and_teaches_no_rate(
    darkroom: Darkroom, caller: Caller
) -> None:
    await caller.called(40, over=MINUTE - SECOND)
    await caller.fails(Outcome.RETRY, "rate_limited")
    known = await caller.state()
    assert (known.rate.rate, known.cooldown_until) == (None, darkroom.clock() + SECOND)


async def test_a_daily_limit_rests_its_model_and_leaves_the_others_running(
    darkroom: Darkroom, caller: Caller
) -> None:
    other = await calling(darkroom, model="practice-other")
    await caller.fails(Outcome.RETRY, "daily_limit", retry_after=9 * 3600 * SECOND, scope=Scope.KEY)
    assert (await caller.state()).cooldown_until == darkroom.clock() + 9 * 3600 * SECOND
    assert (await other.state()).cooldown_until is None
    assert (await darkroom.channel()).cooldown_until is None


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
    assert (await caller.state()).rate.rate_at(darkroom.clock(), None) == 2


async def test_too_many_calls_in_flight_lower_the_concurrency(darkroom: Darkroom, caller: Caller) -> None:
    await caller.fails(Outcome.RETRY, "concurrency_limited")
    assert (await caller.state()).rate.concurrency == 1


async def test_five_failing_jobs_in_a_row_open_the_models_breaker_and_a_success_closes_it(
    darkroom: Darkroom, caller: Caller
) -> None:
    await all_fail(darkroom)
    breakers = (await darkroom.channel()).breakers
    assert CircuitBreaker.from_json(breakers["practice-image"]).state(darkroom.clock()) == "open"
    await darkroom.submit(await darkroom.caller())
    await darkroom.submit(await darkroom.caller(), model="practice-other")
    other = await darkroom.worker()
    await other.dispatcher.run_round()
    assert [len(job_ids) for _, job_ids, _ in other.messages] == [1]  # the other model's
    assert other.context.in_flight.closed.failing == {("upstream", "practice-image")}
    await record_success(other.context, caller.job)
    assert (await darkroom.channel()).breakers == {}


async def test_one_job_that_fails_again_and_again_opens_no_breaker(
    darkroom: Darkroom, caller: Caller
) -> None:
    await caller.fails(Outcome.RETRY, "upstream_error", times=9)
    breaker = CircuitBreaker.from_json((await darkroom.channel()).breakers["practice-image"])
    assert (breaker.state(darkroom.clock()), breaker.failures) == ("closed", 1)


async def test_jobs_that_fail_between_others_that_succeed_open_no_breaker(
    darkroom: Darkroom, caller: Caller
) -> None:
    for _ in range(2):
        for _ in range(4):
            each = await calling(darkroom)
            await each.fails(Outcome.RETRY, "upstream_error")
        darkroom.clock.forward(seconds=1)
        at = darkroom.clock()
        await caller.called(1, over=SECOND, outcome="success", finished_at=at)
    assert all(not state["until"] for state in (await darkroom.channel()).breakers.values())


async def test_failing_jobs_of_several_models_open_the_breaker_of_the_whole_channel(
    darkroom: Darkroom,
) -> None:
    await all_fail(darkroom, jobs=3)
    await all_fail(darkroom, jobs=2, model="practice-other")
    assert CircuitBreaker.from_json((await darkroom.channel()).breakers[""]).state(darkroom.clock()) == "open"


async def test_a_provider_that_is_not_reached_concerns_all_models(darkroom: Darkroom) -> None:
    await all_fail(darkroom, "connect_error")
    assert list((await darkroom.channel()).breakers) == [""]


async def test_a_half_open_breaker_is_probed_with_a_job_that_has_not_failed(darkroom: Darkroom) -> None:
    await all_fail(darkroom)
    channel, account = await darkroom.channel(), await darkroom.caller()
    long_ago = darkroom.clock() - MINUTE
    for _ in range(8):
        await darkroom.submit(account, not_before=long_ago, avoid_channel_id=channel.id)
    good = await darkroom.submit(await darkroom.caller())
    darkroom.clock.forward(seconds=20)
    other = await darkroom.worker()
    await other.dispatcher.run_round()
    assert [job_ids for _, job_ids, _ in other.messages] == [[good]]


async def test_callers_who_name_any_number_of_models_do_not_make_the_channels_row_grow(
    darkroom: Darkroom, caller: Caller
) -> None:
    for number in range(MAX_MODELS + 3):
        caller.job.model = f"practice-{number}"
        await caller.fails(Outcome.NEEDS_HUMAN, "model_not_found", scope=Scope.MODEL)
        await caller.fails(Outcome.RETRY, "upstream_error", scope=Scope.MODEL)
        await caller.fails(Outcome.RETRY, "rate_limited")
        darkroom.clock.forward(seconds=1)
    channel = await darkroom.channel()
    newest = {f"practice-{number}" for number in range(3, MAX_MODELS + 3)}
    assert channel.blocked_models.keys() == channel.learned_models.keys() == newest
    assert channel.breakers.keys() <= newest


async def test_an_overload_that_lasts_teaches_no_rate_although_other_calls_are_just_leaving(
    darkroom: Darkroom, caller: Caller
) -> None:
    await caller.called(40, over=MINUTE)
    await caller.fails(Outcome.RETRY, "upstream_saturated")
    darkroom.clock.forward(seconds=6)
    await caller.called(3, over=SECOND)  # still open; they will be refused like this one
    await caller.fails(Outcome.RETRY, "upstream_saturated")
    known = (await caller.state()).rate
    assert (known.rate, known.rest) == (None, 10)


async def test_a_channel_whose_breaker_closes_begins_slowly(darkroom: Darkroom, caller: Caller) -> None:
    await all_fail(darkroom)
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
    await all_fail(darkroom)
    caller.context.in_flight.closed.failing = {("upstream", "practice-image")}
    await caller.fails(outcome, "moderation" if outcome is Outcome.PERMANENT else "no_image")
    assert (await darkroom.channel()).breakers == {}


async def test_a_half_open_breaker_lets_one_call_through(darkroom: Darkroom, caller: Caller) -> None:
    await all_fail(darkroom, "origin_unreachable")
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
    assert (channel.tripped_at, channel.blocked_models) == (None, {"practice-image": "Oh."})
    await caller.fails(Outcome.NEEDS_HUMAN, "auth_invalid", scope=Scope.KEY, provider_message="bad key")
    assert (await darkroom.channel()).tripped_reason == "Oh."


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
    assert (await caller.state()).cooldown_until is None
    await record_rate_headers(caller.context, caller.job, {**left, "x-ratelimit-remaining-requests": "0"})
    assert (await caller.state()).cooldown_until == darkroom.clock() + 20 * SECOND


async def test_a_failure_of_the_job_alone_does_not_concern_its_channel(
    darkroom: Darkroom, caller: Caller
) -> None:
    before = await darkroom.channel()
    await caller.fails(Outcome.PERMANENT, "moderation")
    assert await darkroom.channel() == before
