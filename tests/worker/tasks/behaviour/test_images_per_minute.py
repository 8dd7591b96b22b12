"""Each call counts as many images against the limit per minute as it asks for."""

from pathlib import Path

import pytest

from models.queries.channels import change_channel
from tests.support.counting_provider import darkroom_with_preset


@pytest.mark.parametrize("preset", ["wenwen", "generic"])
async def test_a_call_counts_the_images_that_it_asks_for_against_the_images_per_minute(
    plain_database_url: str, tmp_path: Path, preset: str
) -> None:
    """Of six images a minute, a first job takes three; a second one finds room for three more."""
    async with darkroom_with_preset(plain_database_url, tmp_path, preset) as (darkroom, provider):
        channel = await darkroom.channel()
        async with darkroom.services.database.writing() as connection:
            await change_channel(connection, channel.id, {"limits": {"": {"ipm": 6}}})
        request = {"images": [], "params": {}, "n": 3}
        caller = await darkroom.caller()
        jobs = [await darkroom.submit(caller, request=request) for _ in range(3)]
        worker = await darkroom.worker()
        for _ in range(29):
            await worker.run_round()
            darkroom.clock.forward(seconds=2)
        assert sum(provider.asked) == 6
        for _ in range(4):
            await worker.run_round()
            darkroom.clock.forward(seconds=20)
        assert [(await darkroom.job(job)).status for job in jobs] == ["succeeded"] * 3
        assert sum(provider.asked) == 9
