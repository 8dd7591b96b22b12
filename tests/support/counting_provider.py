"""A provider that counts the images that each call asks for, and a Darkroom with a preset that calls it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy import Row

from tests.support.darkroom import Darkroom, open_darkroom
from worker.practice.drawing.png import tiny_png

REFUSED = {
    "error": {"message": "Your prompt was rejected by our safety system", "code": "content_policy_violation"}
}


class CountingProvider:
    """Answers each call with as many images as it asks for; calls in ``failures`` fail, by their number."""

    def __init__(self) -> None:
        self.asked: list[int] = []  #: images that each call asked for
        self.failures: dict[int, tuple[int, Any]] = {}
        self.missing = 0  #: images that an answer with several lacks
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
        count = max(body.get("n", 1) - self.missing, 1)
        links = [f"![a]({self.url}/{number}-{each}.png)" for each in range(count)]
        return web.json_response(
            {"choices": [{"message": {"content": "\n".join(links)}, "finish_reason": "stop"}]}
        )


@asynccontextmanager
async def darkroom_with_preset(
    database_url: str, folder: Path, preset: str
) -> AsyncIterator[tuple[Darkroom, CountingProvider]]:
    provider, app = CountingProvider(), web.Application()
    app.router.add_route("*", "/{path:.*}", provider.respond)
    async with TestServer(app) as server:
        provider.url = str(server.make_url("/pictures"))
        settings = {"upstream_base_url": str(server.make_url("/v1")), "upstream_preset": preset}
        async with open_darkroom(database_url, folder, practice={}, **settings) as darkroom:
            yield darkroom, provider


async def run_job_for_three(darkroom: Darkroom, rounds: int = 8, **values: Any) -> tuple[Row[Any], list[int]]:
    """Run a job for three images. Returns its row and the positions of its images."""
    request = {"images": [], "params": {}, "n": 3}
    job = await darkroom.submit(await darkroom.caller(), request=request, **values)
    worker = await darkroom.worker()
    for _ in range(rounds):
        await worker.run_round()
        darkroom.clock.forward(seconds=30)
    return await darkroom.job(job), [each.position for each in await darkroom.assets(job)]
