"""What keeps a crowd of dispatchers from asking too much."""

from pathlib import Path

import pytest
from sqlalchemy import select, update

from models.tables import callers, channels
from tests.support.darkroom import open_darkroom
from tests.support.databases import PostgresCopies
from worker.scheduler.poll_interval import PollInterval


@pytest.mark.parametrize("crew", [0, 1, 4, 20])
def test_a_small_crew_looks_as_often_as_the_settings_say(crew: int) -> None:
    assert PollInterval(0.5, crew).seconds == 0.5


def test_a_crowd_looks_no_more_often_than_twenty_do() -> None:
    assert 1000 / PollInterval(0.5, 1000).seconds == 20 / PollInterval(0.5, 20).seconds


def test_whoever_finds_nothing_locked_hardly_rests() -> None:
    assert PollInterval(0.5, 1000).backoff(1) == PollInterval(0.5, 1).backoff(0) == 0.02


def test_whoever_misses_again_and_again_rests_longer_but_not_for_ever() -> None:
    rests = [PollInterval(0.5, 1000, misses).backoff(0.5) for misses in range(1, 100)]
    assert rests == sorted(rests)
    assert (rests[0], rests[-1]) == (0.04, 1)


def test_those_who_missed_together_do_not_come_back_together() -> None:
    assert PollInterval(0.5, 1000, 5).backoff(0.1) < PollInterval(0.5, 1000, 5).backoff(0.9)


async def test_a_caller_that_another_round_has_locked_is_a_miss_and_one_without_a_budget_is_none(
    postgres_copies: PostgresCopies, tmp_path: Path
) -> None:
    with postgres_copies.fresh() as url:
        async with open_darkroom(url, tmp_path, practice={}) as darkroom:
            worker, caller = await darkroom.worker(), await darkroom.caller()
            job_id, interval = await darkroom.submit(caller), worker.dispatcher.poll_interval
            async with darkroom.services.database.writing() as connection:
                await connection.execute(select(callers).with_for_update())
                await worker.dispatcher.run_round()
                await worker.dispatcher.run_round()
            assert (interval.misses, worker.messages) == (2, [])
            async with darkroom.services.database.writing() as connection:
                await connection.execute(update(callers).values(budget_closed_at=darkroom.clock()))
            await worker.dispatcher.run_round()
            assert (interval.misses, worker.messages) == (0, [])
            async with darkroom.services.database.writing() as connection:
                await connection.execute(update(callers).values(budget_closed_at=None))
            await worker.dispatcher.run_round()
            assert (await darkroom.job(job_id)).status == "leased"


async def test_a_channel_that_somebody_else_holds_is_a_miss_and_the_next_round_forgets_it(
    postgres_copies: PostgresCopies, tmp_path: Path
) -> None:
    with postgres_copies.fresh() as url:
        async with open_darkroom(url, tmp_path, practice={}) as darkroom:
            worker, job_id = await darkroom.worker(), await darkroom.submit(await darkroom.caller())
            patience = worker.dispatcher.poll_interval
            async with darkroom.services.database.writing() as connection:
                await connection.execute(select(channels).with_for_update())
                await worker.dispatcher.run_round()
                await worker.dispatcher.run_round()
            assert (patience.misses, worker.messages) == (2, [])
            await worker.dispatcher.run_round()
            assert (patience.misses, patience.workers) == (0, 1)
            assert (await darkroom.job(job_id)).status == "leased"
