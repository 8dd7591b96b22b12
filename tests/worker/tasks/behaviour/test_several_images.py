"""A job for several images: by one call or by one for each, as the channel's preset says."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy import Row

from tests.support.darkroom import Darkroom, open_darkroom
from worker.practice.drawing.png import tiny_png
from worker.upstream.presets import PRESETS

REFUSED = {
    "error": {"message": "Your prompt was rejected by our safety system", "code": "content_policy_violation"}
}
OVERLOADED = {"error": {"message": "The server is overloaded", "type": "server_error"}}


class Provider:
    """Answers each call with as many images as it asks for; calls in ``failures`` fail, by their number."""

    def __init__(self) -> None:
        self.asked: list[int] = []  #: images that each call asked for
        self.failures: dict[int, tuple[int, Any]] = {}
        self.url = ""

    async def respond(self, request: web.Request) -> web.Response:
        if request.path.endswith(".png"):
            return web.Response(body=tiny_png(request.path, len(request.path)), content_type="image/png")
        body = json.loads(await request.read())
        self.asked.append(body.get("n", 1))
        number = len(self.asked)
        if number in self.failures:
            status, problem = self.failures[number]
            return web.json_response(problem, status=status)
        links = [f"![a]({self.url}/{number}-{each}.png)" for each in range(body.get("n", 1))]
        return web.json_response(
            {"choices": [{"message": {"content": "\n".join(links)}, "finish_reason": "stop"}]}
        )


@asynccontextmanager
async def darkroom_with(
    database_url: str, folder: Path, preset: str
) -> AsyncIterator[tuple[Darkroom, Provider]]:
    provider, app = Provider(), web.Application()
    app.router.add_route("*", "/{path:.*}", provider.respond)
    async with TestServer(app) as server:
        provider.url = str(server.make_url("/pictures"))
        settings = {"upstream_base_url": str(server.make_url("/v1")), "upstream_preset": preset}
        async with open_darkroom(database_url, folder, practice={}, **settings) as darkroom:
            yield darkroom, provider


async def run(darkroom: Darkroom, rounds: int = 8, **values: Any) -> tuple[Row[Any], list[int]]:
    """Run a job for three images. Returns its row and the positions of its images."""
    request = {"images": [], "params": {}, "n": 3}
    job = await darkroom.submit(await darkroom.caller(), request=request, **values)
    worker = await darkroom.worker()
    for _ in range(rounds):
        await worker.run_round()
        darkroom.clock.forward(seconds=30)
    return await darkroom.job(job), [each.position for each in await darkroom.assets(job)]


@pytest.mark.parametrize("preset", PRESETS)
async def test_every_preset_makes_three_images(plain_database_url: str, tmp_path: Path, preset: str) -> None:
    async with darkroom_with(plain_database_url, tmp_path, preset) as (darkroom, provider):
        row, positions = await run(darkroom)
        assert (row.status, positions, row.progress) == ("succeeded", [0, 1, 2], 100)
        assert provider.asked == ([3] if PRESETS[preset].n_style == "n" else [1, 1, 1])
        assert len(await darkroom.attempts(row.id)) == len(provider.asked)


async def test_calls_that_succeed_use_up_no_attempt(plain_database_url: str, tmp_path: Path) -> None:
    async with darkroom_with(plain_database_url, tmp_path, "huiyan") as (darkroom, provider):
        provider.failures = {2: (503, OVERLOADED)}
        row, positions = await run(darkroom, max_attempts=2)
        assert (row.status, positions) == ("succeeded", [0, 1, 2])
        assert provider.asked == [1, 1, 1, 1]


async def test_a_call_that_fails_for_good_leaves_the_images_of_the_others(
    plain_database_url: str, tmp_path: Path
) -> None:
    async with darkroom_with(plain_database_url, tmp_path, "wenwen") as (darkroom, provider):
        provider.failures = {3: (400, REFUSED)}
        row, positions = await run(darkroom)
        assert (row.status, positions, row.error) == ("succeeded", [0, 1], None)
        last = (await darkroom.events(row.id))[-1]
        assert last.detail.startswith("2 of 3 pictures: Moderation refused the request")


async def test_a_first_call_that_fails_for_good_fails_the_job(
    plain_database_url: str, tmp_path: Path
) -> None:
    async with darkroom_with(plain_database_url, tmp_path, "wenwen") as (darkroom, provider):
        provider.failures = {1: (400, REFUSED)}
        row, positions = await run(darkroom)
        assert (row.status, positions, provider.asked) == ("failed", [], [1])
