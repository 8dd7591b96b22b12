"""A task that fails with an echo of the prompt: the caller's own words decide nothing."""

from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.support.darkroom import open_darkroom

PROMPT = "a street at night with an old neon sign: "


@pytest.mark.parametrize(
    ("words", "reason", "outcome"),
    [
        ("content policy violation", "could not draw this: {prompt}", ("retry", "upstream_error")),
        ("insufficient balance", "could not draw this: {prompt}", ("retry", "upstream_error")),
        ("open", "content policy violation in: {prompt}", ("permanent", "moderation")),
    ],
)
async def test_a_task_that_failed_is_called_again_unless_the_provider_itself_refuses(
    plain_database_url: str, tmp_path: Path, words: str, reason: str, outcome: tuple[str, str]
) -> None:
    async def respond(request: web.Request) -> web.Response:
        if request.method == "POST":
            return web.json_response({"code": 200, "data": [{"status": "submitted", "task_id": "task_1"}]})
        task = {"id": "task_1", "status": "failed", "fail_reason": reason.format(prompt=PROMPT + words)}
        return web.json_response(task)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", respond)
    async with TestServer(app) as server:
        url = str(server.make_url("/v1"))
        async with open_darkroom(
            plain_database_url, tmp_path, practice={}, upstream_base_url=url
        ) as darkroom:
            job = await darkroom.submit(await darkroom.caller(), PROMPT + words)
            await (await darkroom.worker()).run_round()
            (attempt,) = await darkroom.attempts(job)
            assert (attempt.outcome, attempt.error_code) == outcome
