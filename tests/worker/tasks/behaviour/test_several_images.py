"""A job for several images by a call for each: what its calls count, and what follows if one fails."""

from pathlib import Path

from tests.support.counting_provider import REFUSED, darkroom_with_preset, run_job_for_three

OVERLOADED = {"error": {"message": "The server is overloaded", "type": "server_error"}}


async def test_calls_that_succeed_use_up_no_attempt(plain_database_url: str, tmp_path: Path) -> None:
    async with darkroom_with_preset(plain_database_url, tmp_path, "huiyan") as (darkroom, provider):
        provider.failures = {2: (503, OVERLOADED)}
        row, positions = await run_job_for_three(darkroom, max_attempts=2)
        assert (row.status, positions) == ("succeeded", [0, 1, 2])
        assert provider.asked == [1, 1, 1, 1]


async def test_a_call_that_fails_for_good_leaves_the_images_of_the_others(
    plain_database_url: str, tmp_path: Path
) -> None:
    async with darkroom_with_preset(plain_database_url, tmp_path, "wenwen") as (darkroom, provider):
        provider.failures = {3: (400, REFUSED)}
        row, positions = await run_job_for_three(darkroom)
        assert (row.status, positions, row.error) == ("succeeded", [0, 1], None)
        last = (await darkroom.events(row.id))[-1]
        assert last.detail.startswith("2 of 3 pictures: Moderation refused the request")


async def test_a_first_call_that_fails_for_good_fails_the_job(
    plain_database_url: str, tmp_path: Path
) -> None:
    async with darkroom_with_preset(plain_database_url, tmp_path, "wenwen") as (darkroom, provider):
        provider.failures = {1: (400, REFUSED)}
        row, positions = await run_job_for_three(darkroom)
        assert (row.status, positions, provider.asked) == ("failed", [], [1])
