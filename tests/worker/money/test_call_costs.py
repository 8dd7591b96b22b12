"""Estimates of calls by what earlier ones have cost."""

from pathlib import Path

import pytest
from sqlalchemy import update

from models.money.estimate import EstimateSource
from models.tables import attempts
from tests.support.darkroom import open_darkroom
from tests.support.priced import set_prices


@pytest.mark.parametrize("source", ["picture", "unknown"])
async def test_settled_costs_outrank_the_price_list_once_there_are_twenty(
    plain_database_url: str, tmp_path: Path, source: str
) -> None:
    practice = {"deliver": "markdown_data", "interval": 0}
    async with open_darkroom(plain_database_url, tmp_path, practice=practice) as darkroom:
        set_prices(darkroom, prices={"*": {"per_picture": 0.1}})
        worker, caller = await darkroom.worker(slots=30), await darkroom.caller()
        for _ in range(21):
            await darkroom.submit(caller)
        for _ in range(4):
            await worker.run_round()
            darkroom.clock.forward(minutes=1)
        async with darkroom.services.database.writing() as connection:
            await connection.execute(update(attempts).values(cost_micro=70_000, cost_source=source))
        costs, (channel,) = darkroom.services.call_costs, darkroom.services.routes
        shape = costs.shape(channel, {})
        found = await costs.estimate(darkroom.services.database, channel, "practice-image", shape)
        if source == "picture":
            assert (found.p50, found.p90, found.source) == (70_000, 70_000, EstimateSource.HISTORY)
        else:  # assumed costs prove nothing
            assert (found.p90, found.source) == (100_000, EstimateSource.TABLE)
        other = await costs.estimate(
            darkroom.services.database, channel, "practice-image", costs.shape(channel, {"size": "2K"})
        )
        assert other.source is EstimateSource.TABLE
