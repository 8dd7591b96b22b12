"""A relay that tells in words that it lost its upstream: the image may exist, and is not paid twice."""

from pathlib import Path

import pytest

from tests.support.darkroom import open_darkroom


@pytest.mark.parametrize(
    "words",
    [
        "stream disconnected before completion: stream closed before response.completed",
        "Post https://upstream.example/v1/images: unexpected EOF",
        "socket hang up",
        "上游连接中断",
        "bufio.Scanner: token too long",
    ],
)
async def test_a_call_whose_upstream_was_lost_is_held_and_harms_no_other_job(
    plain_database_url: str, tmp_path: Path, words: str
) -> None:
    practice = {"deliver": "markdown_data", "interval": 0, "says": words}
    async with open_darkroom(plain_database_url, tmp_path, practice=practice) as darkroom:
        worker = await darkroom.worker()
        lost = await darkroom.submit(await darkroom.caller())
        other = await darkroom.submit(await darkroom.caller(), practice={"says": None})
        for _ in range(6):
            await worker.run_round()
            darkroom.clock.forward(minutes=2)
        job, attempts = await darkroom.job(lost), await darkroom.attempts(lost)
        assert (job.status, [each.outcome for each in attempts]) == ("held", ["ambiguous"])
        assert (await darkroom.job(other)).status == "succeeded"
        channel = await darkroom.channel()
        assert (channel.tripped_at, channel.blocked_models, channel.shut_signs) == (None, {}, {})
