"""The doors behind which played answers find what they point to: foreign pictures, and unfinished tasks."""

import orjson
from aiohttp import web

from worker.practice.async_tasks import raw_data, task_answer
from worker.practice.call_log import Ledger
from worker.practice.chat_completions import Studio
from worker.practice.drawing.render import PictureMode
from worker.practice.elsewhere import PLACE, task_at, thing_at


class Outside:
    """What each of these addresses does."""

    def __init__(self, studio: Studio, ledger: Ledger, mode: PictureMode) -> None:
        self._studio, self._ledger, self._mode = studio, ledger, mode

    def addresses(self) -> list[web.RouteDef]:
        """Return the addresses."""
        return [
            web.get(PLACE + "{address:.*}", self.elsewhere),
            web.get("/source/{task}", self.source),
            web.get("/v1/images/tasks/{task}", self.task),
        ]

    async def elsewhere(self, request: web.Request) -> web.Response:
        """Send what a foreign address leads to."""
        address = request.raw_path.removeprefix(PLACE)
        if task := task_at(address):
            return self._raw_data(request, task)
        thing = thing_at(address, self._mode)
        if isinstance(thing, bytes):
            return web.Response(body=thing, content_type="video/mp4")
        return web.Response(body=await self._studio.make(thing), content_type="image/png")

    async def source(self, request: web.Request) -> web.Response:
        """Answer a raw data link."""
        return self._raw_data(request, request.match_info["task"])

    async def task(self, request: web.Request) -> web.Response:
        """Answer somebody who asks for a task by its id."""
        task = request.match_info["task"]
        done = self._studio.tasks.done(task)
        self._ledger.poll(task, done=done)
        return _found(None if done is None else task_answer(task, done=done, base_url=_here(request)))

    def _raw_data(self, request: web.Request, task: str) -> web.Response:
        done = self._studio.tasks.done(task)
        self._ledger.poll(task, done=done)
        return _found(None if done is None else raw_data(task, done=done, base_url=_here(request)))


def _here(request: web.Request) -> str:
    return f"{request.scheme}://{request.host}"


def _found(value: object) -> web.Response:
    status, shown = (404, {"error": "task not found"}) if value is None else (200, value)
    return web.Response(body=orjson.dumps(shown), status=status, content_type="application/json")
