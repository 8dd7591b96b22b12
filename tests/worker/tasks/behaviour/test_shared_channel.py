"""What one caller provokes does no harm to another caller's jobs on the same channel."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from models.queries.channels import resume
from tests.support.darkroom import Darkroom, open_darkroom
from worker.scheduler.circuit_breaker import CircuitBreaker

#: recorded responses: a validation error, and a key that may not use its group, told in words alone
VALIDATION, WORDS_ALONE = "E067", "E047"


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    practice = {"deliver": "markdown_data", "interval": 0}
    async with open_darkroom(plain_database_url, tmp_path, practice=practice) as opened:
        yield opened


async def rounds(darkroom: Darkroom, worker: Any, number: int = 6) -> None:
    for _ in range(number):
        await worker.run_round()
        darkroom.clock.forward(minutes=2)


@pytest.mark.parametrize(
    ("practice", "status", "calls"),
    [
        ({"case": VALIDATION}, "failed", 1),
        ({"says": "用户余额不足，请充值"}, "failed", 1),
        ({"says": "Rate limit exceeded, retry after 86400 seconds"}, "failed", 1),
        ({"says": 'The sign reads "insufficient balance"'}, "failed", 1),
    ],
)
async def test_a_callers_own_doing_leaves_the_channel_open(
    darkroom: Darkroom, practice: dict[str, Any], status: str, calls: int
) -> None:
    worker, one, other = await darkroom.worker(), await darkroom.caller(), await darkroom.caller()
    bad = await darkroom.submit(one, practice=practice, max_attempts=1)
    await worker.run_round()
    good = await darkroom.submit(other)
    await rounds(darkroom, worker)
    assert (await darkroom.job(good)).status == "succeeded"
    assert (await darkroom.job(bad)).status == status
    assert len(await darkroom.attempts(bad)) == calls
    channel = await darkroom.channel()
    assert (channel.tripped_at, channel.blocked_models, channel.breakers, channel.shut_signs) == (
        None,
        {},
        {},
        {},
    )


async def test_words_alone_shut_a_channel_only_if_another_caller_gets_them_too(darkroom: Darkroom) -> None:
    worker, one, other = await darkroom.worker(), await darkroom.caller(), await darkroom.caller()
    later = darkroom.clock() + timedelta(days=1)
    await darkroom.submit(other, not_before=later)  # another caller has a job
    first = await darkroom.submit(one, practice={"case": WORDS_ALONE}, max_attempts=1)
    await worker.run_round()
    channel = await darkroom.channel()
    assert (channel.breakers, list(channel.shut_signs)) == ({}, [""])
    assert (await darkroom.job(first)).status == "held"
    await darkroom.submit(one, practice={"case": WORDS_ALONE}, max_attempts=1)
    await worker.run_round()
    assert (await darkroom.channel()).breakers == {}  # the same caller again
    await darkroom.submit(other, practice={"case": WORDS_ALONE}, max_attempts=1)
    await worker.run_round()
    breaker = CircuitBreaker.from_json((await darkroom.channel()).breakers[""])
    assert breaker.state(darkroom.clock()) == "open"
    assert (await darkroom.channel()).tripped_at is None
    assert "禁用" not in str(breaker.reason)  # other callers do not see the provider's words


async def test_a_channel_shut_by_words_opens_itself_with_a_probe(darkroom: Darkroom) -> None:
    worker, one = await darkroom.worker(), await darkroom.caller()
    for _ in range(2):
        await darkroom.submit(one, practice={"case": WORDS_ALONE}, max_attempts=1)
        await worker.run_round()
    assert "" in (await darkroom.channel()).breakers
    good = await darkroom.submit(one)
    await worker.run_round()
    assert (await darkroom.job(good)).status == "queued"
    await rounds(darkroom, worker)
    assert (await darkroom.job(good)).status == "succeeded"
    assert (await darkroom.channel()).breakers == {}


async def test_a_job_that_trips_a_channel_again_after_a_resume_is_held(darkroom: Darkroom) -> None:
    worker, one = await darkroom.worker(), await darkroom.caller()
    job_id = await darkroom.submit(one, practice={"fail": "401"}, max_attempts=1)
    for _ in range(5):
        await rounds(darkroom, worker, 2)
        async with darkroom.services.database.writing() as connection:
            await resume(connection, "upstream", darkroom.clock())
    assert (await darkroom.job(job_id)).status == "held"
    assert len(await darkroom.attempts(job_id)) == 2


@pytest.mark.parametrize(
    "words",
    [
        "用户余额不足，请充值",
        "Your account has insufficient balance, please recharge",
        "Rate limit exceeded, retry after 86400 seconds",
        "The API key is invalid",
        'The sign reads "insufficient balance"',
        '{"error": {"code": "model_not_found", "message": "The model does not exist"}}',
    ],
)
async def test_the_text_of_a_good_answer_decides_its_own_job_alone(
    plain_database_url: str, tmp_path: Path, words: str
) -> None:
    practice = {"deliver": "markdown_data", "interval": 0, "says": words}  # not in the request: no echo
    async with open_darkroom(plain_database_url, tmp_path, practice=practice) as darkroom:
        worker = await darkroom.worker()
        bad = await darkroom.submit(await darkroom.caller(), max_attempts=2)
        for _ in range(3):  # also when more jobs of the same caller get the same text
            await darkroom.submit((await darkroom.job(bad)).caller_id, max_attempts=2)
        await rounds(darkroom, worker)
        good = await darkroom.submit(await darkroom.caller(), practice={"says": None})
        await rounds(darkroom, worker)
        assert (await darkroom.job(good)).status == "succeeded"
        assert (await darkroom.job(bad)).status in ("failed", "held", "queued")  # it may wait as told
        assert len(await darkroom.attempts(bad)) <= 2
        channel = await darkroom.channel()
        assert (channel.tripped_at, channel.blocked_models, channel.breakers) == (None, {}, {})
        assert channel.cooldown_until is None
