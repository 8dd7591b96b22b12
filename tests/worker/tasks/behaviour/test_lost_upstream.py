"""A relay that tells in words that it lost its upstream: the image may exist, and is not paid twice."""

from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.support.darkroom import open_darkroom
from worker.practice.drawing.png import tiny_png


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


async def test_after_an_answer_that_was_too_large_for_the_relay_the_next_call_asks_for_an_address(
    plain_database_url: str, tmp_path: Path
) -> None:
    asked: list[str | None] = []

    async def respond(request: web.Request) -> web.Response:
        if request.path.endswith(".png"):
            return web.Response(body=tiny_png("a cat", 1), content_type="image/png")
        asked.append((await request.json()).get("response_format"))
        if len(asked) == 1:
            return web.json_response({"error": {"message": "bufio.Scanner: token too long"}}, status=500)
        return web.json_response({"data": [{"url": str(request.url.with_path("/a.png"))}]})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", respond)
    async with TestServer(app) as server:
        url = str(server.make_url("/v1"))
        async with open_darkroom(
            plain_database_url, tmp_path, practice={}, upstream_base_url=url
        ) as darkroom:
            job = await darkroom.submit(await darkroom.caller(), on_unknown="retry")
            worker = await darkroom.worker()
            for _ in range(4):
                await worker.run_round()
                darkroom.clock.forward(minutes=10)
            assert (asked, (await darkroom.job(job)).status) == ([None, "url"], "succeeded")
