"""Rounds of the dispatcher: what does not wait for a channel must not stand in the way of what does."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.darkroom import Darkroom, open_darkroom


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    async with open_darkroom(plain_database_url, tmp_path, practice={}, upstream_concurrency=1) as opened:
        yield opened


async def test_callers_whose_jobs_are_not_due_do_not_stand_in_the_way_of_others(darkroom: Darkroom) -> None:
    later = darkroom.clock() + timedelta(hours=1)
    for _ in range(5):
        await darkroom.submit(await darkroom.caller(), not_before=later)
    due = await darkroom.submit(await darkroom.caller())
    worker = await darkroom.worker()
    for _ in range(8):
        await worker.dispatcher.look()
    assert (await darkroom.job(due)).status == "leased"


@pytest.mark.parametrize("line", ["campaign", "priority"])
async def test_lines_whose_jobs_are_not_due_do_not_stand_in_the_way_of_the_callers_others(
    darkroom: Darkroom, line: str
) -> None:
    caller, later = await darkroom.caller(), darkroom.clock() + timedelta(hours=1)
    for number in range(40):
        where = {"campaign": f"c{number:02}"} if line == "campaign" else {"priority": 100 - number}
        await darkroom.submit(caller, not_before=later, **where)
    due = await darkroom.submit(caller, **({"campaign": "d"} if line == "campaign" else {"priority": 1}))
    worker = await darkroom.worker()
    for _ in range(45):
        await worker.dispatcher.look()
    assert (await darkroom.job(due)).status == "leased"
