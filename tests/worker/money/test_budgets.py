"""Budgets: what is reserved before a call leaves, what it came to, and that no limit is exceeded."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select

from models.queries.leases import leased_to
from models.queries.money.spend import Spend
from models.tables import attempts, campaigns, jobs
from tests.support.darkroom import Darkroom, OneWorker, open_darkroom
from tests.support.databases import COPIES
from tests.support.priced import limit_caller, limit_campaign, raise_budget, set_prices, spend_of
from worker.lifecycle import commit, fail_held, lock_job, release_held
from worker.maintenance.reaper import reclaim

PRICES = {"prices": {"*": {"per_call": 0.1}}}
TEN_CENTS = 100_000


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    practice = {"deliver": "markdown_data", "interval": 0}
    async with open_darkroom(plain_database_url, tmp_path, practice=practice) as opened:
        set_prices(opened, **PRICES)
        yield opened


async def rounds(darkroom: Darkroom, worker: OneWorker, count: int = 6) -> None:
    for _ in range(count):
        await worker.run_round()
        darkroom.clock.forward(minutes=2)


async def test_a_call_is_reserved_before_it_leaves_and_settled_by_its_answer(darkroom: Darkroom) -> None:
    worker, caller = await darkroom.worker(), await darkroom.caller()
    job_id = await darkroom.submit(caller, practice={"fail": "hang"})
    await worker.dispatcher.run_round()
    call = asyncio.create_task(worker.deliver())
    await darkroom.provider.call_log.wait_until(lambda log: log.in_flight == 1)
    (attempt,) = await darkroom.attempts(job_id)
    assert (attempt.reserved_micro, attempt.currency, attempt.cost_micro) == (TEN_CENTS, "USD", None)
    assert await spend_of(darkroom, caller) == {("", "USD"): Spend(reserved=TEN_CENTS)}
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    done = await darkroom.submit(caller)
    await rounds(darkroom, worker)
    (attempt,) = await darkroom.attempts(done)
    assert (attempt.cost_micro, attempt.cost_source, attempt.currency) == (TEN_CENTS, "call", "USD")
    assert attempt.price_version


@pytest.mark.parametrize(("failure", "spent"), [("429", Spend()), ("cut", Spend(unknown=TEN_CENTS))])
async def test_a_failed_call_costs_nothing_or_stays_reserved_until_it_is_decided(
    darkroom: Darkroom, failure: str, spent: Spend
) -> None:
    worker, caller = await darkroom.worker(), await darkroom.caller()
    await darkroom.submit(caller, practice={"fail": failure, "times": 9}, max_attempts=1)
    await worker.run_round()
    assert (await spend_of(darkroom, caller)).get(("", "USD"), Spend()) == spent


@pytest.mark.parametrize("decide", [release_held, fail_held])
async def test_a_decision_about_a_held_job_settles_its_call(darkroom: Darkroom, decide: Any) -> None:
    worker, caller = await darkroom.worker(), await darkroom.caller()
    job_id = await darkroom.submit(caller, practice={"fail": "cut"})
    await worker.run_round()
    assert (await darkroom.job(job_id)).status == "held"
    async with darkroom.services.database.writing() as connection:
        job = await lock_job(connection, job_id)
        assert job is not None
        words = {"reason": ""} if decide is fail_held else {}
        await commit(connection, [decide(job, at=darkroom.clock(), **words)])
    assert await spend_of(darkroom, caller) == {("", "USD"): Spend(settled=TEN_CENTS)}


async def test_a_campaign_whose_budget_is_used_up_is_paused_and_goes_on_when_it_is_raised(
    darkroom: Darkroom,
) -> None:
    worker, caller = await darkroom.worker(), await darkroom.caller()
    await limit_campaign(darkroom, caller, "spring", "0.35USD")
    submitted = [await darkroom.submit(caller, campaign="spring") for _ in range(5)]
    other = await darkroom.submit(caller)
    await rounds(darkroom, worker)
    found = sorted([(await darkroom.job(each)).status for each in submitted])
    assert found == ["queued"] * 2 + ["succeeded"] * 3
    assert (await darkroom.job(other)).status == "succeeded"
    row = (await rows(darkroom, select(campaigns)))[0]
    assert (row.status, row.paused_reason, row.closed) == ("paused", "budget", "campaign_budget")
    assert "0.3 of 0.35 USD" in row.paused_detail
    await raise_budget(darkroom, "spring", "0.5USD")
    await rounds(darkroom, worker)
    assert [(await darkroom.job(each)).status for each in submitted] == ["succeeded"] * 5
    assert [len(await darkroom.attempts(each)) for each in submitted] == [1] * 5
    assert (await spend_of(darkroom, caller))["spring", "USD"] == Spend(settled=5 * TEN_CENTS)


async def test_the_jobs_of_a_caller_whose_budget_is_used_up_wait_until_it_is_raised(
    darkroom: Darkroom,
) -> None:
    worker, caller = await darkroom.worker(), await darkroom.caller()
    await limit_caller(darkroom, caller, "0.2USD")
    submitted = [await darkroom.submit(caller, campaign=name) for name in ("a", "b", None)]
    await rounds(darkroom, worker)
    assert sorted([(await darkroom.job(each)).status for each in submitted]) == [
        "queued",
        "succeeded",
        "succeeded",
    ]
    await limit_caller(darkroom, caller, "0.3USD")
    await rounds(darkroom, worker)
    assert [(await darkroom.job(each)).status for each in submitted] == ["succeeded"] * 3
    assert sum([len(await darkroom.attempts(each)) for each in submitted]) == 3


@pytest.mark.parametrize(
    ("members", "budget", "words"),
    [
        ({"prices": {}}, "1USD", "is not known"),
        (PRICES, "1CNY", "charges USD"),
    ],
)
async def test_a_budget_that_can_not_be_kept_pauses_the_campaign_and_says_why(
    darkroom: Darkroom, members: dict[str, Any], budget: str, words: str
) -> None:
    set_prices(darkroom, **members)
    worker, caller = await darkroom.worker(), await darkroom.caller()
    await limit_campaign(darkroom, caller, "spring", budget)
    job_id = await darkroom.submit(caller, campaign="spring")
    await rounds(darkroom, worker, 2)
    assert ((await darkroom.job(job_id)).status, len(await darkroom.attempts(job_id))) == ("queued", 0)
    assert words in (await rows(darkroom, select(campaigns)))[0].paused_detail


async def test_calls_in_flight_that_have_reserved_the_rest_only_delay_the_others(darkroom: Darkroom) -> None:
    set_prices(darkroom, prices={"*": {"per_picture": {"*/low": 0.1, "*/high": 0.3}}})
    worker, caller = await darkroom.worker(), await darkroom.caller()
    await limit_campaign(darkroom, caller, "spring", "0.7USD")
    request = {"images": [], "params": {"practice": {}}}  # the quality is not known: the highest is reserved
    submitted = [await darkroom.submit(caller, campaign="spring", request=request) for _ in range(3)]
    await worker.run_round()
    assert [(await darkroom.job(each)).status for each in submitted].count("succeeded") == 2
    row = (await rows(darkroom, select(campaigns)))[0]
    assert row.status == "running"


async def test_a_channel_may_refuse_calls_without_a_known_price(darkroom: Darkroom) -> None:
    set_prices(darkroom, prices={}, unknown_price="reject")
    worker, caller = await darkroom.worker(), await darkroom.caller()
    job_id = await darkroom.submit(caller)
    await worker.run_round()
    job = await darkroom.job(job_id)
    assert (job.status, job.error["code"], len(await darkroom.attempts(job_id))) == (
        "failed",
        "price_unknown",
        0,
    )


async def test_a_call_without_a_price_costs_no_further_statement(darkroom: Darkroom) -> None:
    """Prices add columns to statements that are made anyway; only budgets add statements of their own."""
    made: list[int] = []
    for members, budget in (({"prices": {}}, None), (PRICES, None), (PRICES, "9USD")):
        set_prices(darkroom, **members)
        worker, caller = await darkroom.worker(), await darkroom.caller()
        await limit_caller(darkroom, caller, budget)
        await darkroom.submit(caller)
        await worker.dispatcher.run_round()
        made.append(len(await statements(darkroom, worker)))
    unpriced, priced, budgeted = made
    assert unpriced == priced
    locked = not darkroom.services.database.is_sqlite
    assert budgeted - priced == 3 + locked  # the past of the model, the limit, the totals; and the lock


async def statements(darkroom: Darkroom, worker: OneWorker) -> list[str]:
    found: list[str] = []

    def note(*given: Any) -> None:
        if not given[2].startswith("BEGIN"):
            found.append(given[2])

    engine = darkroom.services.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    await worker.deliver()
    event.remove(engine, "before_cursor_execute", note)
    return found


async def rows(darkroom: Darkroom, query: Any) -> Any:
    async with darkroom.services.database.reading() as connection:
        return (await connection.execute(query)).all()


FAILURES = (None, None, None, "429", "cut", "500", "no_picture")


@pytest.mark.slow(reason="runs whole installations of four workers")
@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(min_value=0, max_value=2**32))
def test_no_budget_is_exceeded_by_four_workers_that_are_killed_at_any_time(
    request: pytest.FixtureRequest, tmp_path: Path, database: str, seed: int
) -> None:
    """The totals equal the attempts, and neither a caller nor a campaign ever spends more than its limit."""
    with request.getfixturevalue(COPIES[database]).reset() as url:
        asyncio.run(_check_random_run(url, tmp_path, random.Random(seed)))


async def _check_random_run(url: str, folder: Path, chance: random.Random) -> None:
    practice = {"deliver": "markdown_data", "interval": 0}
    async with open_darkroom(url, folder, practice=practice) as darkroom:
        set_prices(darkroom, **PRICES)
        caller = await darkroom.caller()
        limits = {"a": chance.randint(2, 6), "b": chance.randint(2, 6)}
        whole = chance.randint(3, 10)
        await limit_caller(darkroom, caller, f"{whole / 10}USD")
        for name, limit in limits.items():
            await limit_campaign(darkroom, caller, name, f"{limit / 10}USD")
        for _ in range(16):
            failure = chance.choice(FAILURES)
            practice = {"fail": failure, "times": 1} if failure else {}
            await darkroom.submit(caller, campaign=chance.choice(["a", "b"]), practice=practice)
        workers = [await darkroom.worker(slots=3) for _ in range(4)]
        for _ in range(6):
            await asyncio.gather(*(_turn(darkroom, worker, chance) for worker in workers))
            await _check_totals(darkroom, caller, limits, whole)
            darkroom.clock.forward(minutes=2)


async def _turn(darkroom: Darkroom, worker: OneWorker, chance: random.Random) -> None:
    """Run one round of a worker; sometimes it is lost in the middle of its calls, and reaped."""
    await worker.dispatcher.run_round()
    calls = asyncio.create_task(worker.deliver())
    if chance.random() < 0.4:
        await asyncio.sleep(chance.random() * 0.05)
        calls.cancel()
        await asyncio.gather(calls, return_exceptions=True)
        worker.messages.clear()
        async with darkroom.services.database.writing() as connection:
            left = await leased_to(connection, worker.context.worker_id)
            policies = darkroom.services.policies
            await reclaim(connection, left, worker.context.worker_id, policies, darkroom.clock())
        worker.context.in_flight.jobs.clear()
    else:
        await calls


async def _check_totals(darkroom: Darkroom, caller: UUID, limits: dict[str, int], whole: int) -> None:
    totals = await spend_of(darkroom, caller)
    made = await rows(darkroom, select(attempts, jobs.c.campaign).join(jobs, jobs.c.id == attempts.c.job_id))
    for name, limit in limits.items():
        own = [each for each in made if each.campaign == name]
        unknown = [each for each in own if each.cost_micro is None and each.finished_at is not None]
        flying = [each for each in own if each.finished_at is None]
        settled = sum(each.cost_micro or 0 for each in own)
        spent = totals.get((name, "USD"), Spend())
        assert spent == Spend(TEN_CENTS * len(flying), settled, TEN_CENTS * len(unknown))
        assert spent.reserved + spent.settled + spent.unknown <= limit * TEN_CENTS
    assert sum(each.reserved + each.settled + each.unknown for each in totals.values()) <= whole * TEN_CENTS
