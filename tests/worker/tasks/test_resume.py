"""Jobs in state ``storing`` that a worker takes up again."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.darkroom import Darkroom, open_darkroom


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    async with open_darkroom(plain_database_url, tmp_path, practice={"interval": 0}) as opened:
        yield opened


@pytest.mark.parametrize(
    "answer",
    [{}, {"pieces": 7, "received_at": "x"}, {"pieces": [{"stored": {"a": 1}}], "received_at": 1}],
)
async def test_a_saved_answer_that_can_not_be_read_is_held_and_not_taken_up_again(
    darkroom: Darkroom, answer: dict[str, Any]
) -> None:
    caller, worker = await darkroom.caller(), await darkroom.worker()
    values = {"status": "storing", "channel_id": (await darkroom.channel()).id, "answer": answer}
    job_id = await darkroom.submit(caller, **values, not_before=darkroom.clock())
    await worker.run_round()
    job = await darkroom.job(job_id)
    assert (job.status, job.error["code"]) == ("held", "unreadable")
    assert "answer" in job.error["message"]
