"""The doors of the practice provider."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import orjson
from aiohttp import web
from pydantic import ValidationError

from models.errors import InvalidRequest
from worker.practice.async_tasks import raw_data_body, task_status_body
from worker.practice.call_log import CallLog, LoggedCall
from worker.practice.chat_completions import ChatCompletions
from worker.practice.conditions import ConditionControl, HiddenLimits
from worker.practice.drawing.render import ImageMode
from worker.practice.error_responses import rate_limit_response
from worker.practice.images import FOREIGN_PREFIX, content_at, task_id_at, truncate_png
from worker.practice.options import PracticeOptions
from worker.practice.request_parser import ParsedRequest, parse_request
from worker.practice.script import play

# The doors behind which played answers find what they point to: foreign pictures, and unfinished tasks.


class LinkedRoutes:
    """What each of these addresses does."""

    def __init__(self, studio: ChatCompletions, ledger: CallLog, mode: ImageMode) -> None:
        self._studio, self._ledger, self._mode = studio, ledger, mode

    def addresses(self) -> list[web.RouteDef]:
        """Return the addresses."""
        return [
            web.get(FOREIGN_PREFIX + "{address:.*}", self.elsewhere),
            web.get("/source/{task}", self.source),
            web.get("/v1/images/tasks/{task}", self.task),
        ]

    async def elsewhere(self, request: web.Request) -> web.Response:
        """Send what a foreign address leads to."""
        address = request.raw_path.removeprefix(FOREIGN_PREFIX)
        if task := task_id_at(address):
            return self._raw_data(request, task)
        thing = content_at(address, self._mode)
        if isinstance(thing, bytes):
            return web.Response(body=thing, content_type="video/mp4")
        return web.Response(body=await self._studio.render(thing), content_type="image/png")

    async def source(self, request: web.Request) -> web.Response:
        """Answer a raw data link."""
        return self._raw_data(request, request.match_info["task"])

    async def task(self, request: web.Request) -> web.Response:
        """Answer somebody who asks for a task by its id."""
        task = request.match_info["task"]
        done = self._studio.tasks.poll(task)
        self._ledger.record_poll(task, done=done)
        return _found(None if done is None else task_status_body(task, done=done, base_url=_here(request)))

    def _raw_data(self, request: web.Request, task: str) -> web.Response:
        done = self._studio.tasks.poll(task)
        self._ledger.record_poll(task, done=done)
        return _found(None if done is None else raw_data_body(task, done=done, base_url=_here(request)))


def _here(request: web.Request) -> str:
    return f"{request.scheme}://{request.host}"


def _found(value: object) -> web.Response:
    status, shown = (404, {"error": "task not found"}) if value is None else (200, value)
    return web.Response(body=orjson.dumps(shown), status=status, content_type="application/json")


_LARGEST_BODY = 256 * 2**20  # input pictures come as data URLs
_MODELS = {"object": "list", "data": [{"id": "practice-image", "object": "model", "owned_by": "practice"}]}


class Routes:
    """What each address does."""

    def __init__(self, options: PracticeOptions) -> None:
        self.call_log = CallLog()
        self.completions = ChatCompletions(options)
        self.refuse_connections: Callable[[float], Awaitable[None]] | None = (
            None  #: refuses connections for some seconds
        )
        self._options = options
        self._sky = ConditionControl(options)
        self._limits = HiddenLimits()
        self.closing = False  #: whether calls that break off now do so because of us

    def build_app(self) -> web.Application:
        """Return the application with all addresses."""
        app = web.Application(client_max_size=_LARGEST_BODY)
        app.add_routes(
            [
                web.post("/v1/chat/completions", self.chat),
                web.get("/v1/models", self.models),
                web.get("/pictures/{name}", self.picture),
                web.get("/ledger", self.show_calls),
                web.get("/practice/ledger", self.show_calls),
                web.post("/ledger/reset", self.reset_calls),
                web.get("/practice/weather", self.show_conditions),
                web.post("/practice/weather", self.change_conditions),
                *LinkedRoutes(self.completions, self.call_log, self._options.picture).addresses(),
            ]
        )
        return app

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """Answer a call, and keep the books about it."""
        try:
            context = parse_request(await request.read(), self._options.request_defaults)
        except InvalidRequest as error:
            fault = {
                "message": str(error),
                "type": "invalid_request_error",
                "param": error.field,
                "code": None,
            }
            return _json({"error": fault}, status=400)
        headers = request.headers
        key = headers.get("Authorization", "").removeprefix("Bearer ") or None
        again = headers.get("Idempotency-Key", "").encode("utf-8", "replace").decode() or None
        call = self.call_log.open(
            context.prompt, model=context.model, stream=context.stream, key=key, idempotency_key=again
        )
        try:
            return await self._answered(request, context, call, key)
        except asyncio.CancelledError:
            self.call_log.close(call, aborted=not self.closing)
            raise
        except ConnectionError:
            self.call_log.close(call, aborted=True)
            return web.Response()  # nobody will read it
        finally:
            self.call_log.close(call)

    async def _answered(
        self, request: web.Request, context: ParsedRequest, call: LoggedCall, key: str | None
    ) -> web.StreamResponse:
        weather = self._sky.current(call.received)
        wait = self._limits.acquire(key, call.received, weather)
        if wait is not None:
            call.outcome = "limited"
            answer = rate_limit_response(wait, weather.announce, limit=weather.rpm or weather.concurrency)
            return await play(request, answer, ping=self._options.ping)
        try:
            base_url = f"{request.scheme}://{request.host}"
            script = await self.completions.respond(context, call, base_url, weather)
            return await play(request, script, ping=self._options.ping)
        finally:
            self._limits.release(key)

    async def models(self, request: web.Request) -> web.Response:
        """List the models; calls may name any other, too."""
        return _json(_MODELS)

    async def picture(self, request: web.Request) -> web.Response:
        """Make and send a picture that an answer linked to."""
        exhibit = self.completions.image_host.find(request.match_info["name"])
        fault = exhibit.next_fault() if exhibit else "dead_link"
        if exhibit is None or fault == "dead_link":
            return web.Response(status=404, text="404 page not found\n")
        png = await self.completions.render(exhibit.recipe)
        return web.Response(body=truncate_png(png) if fault else png, content_type="image/png")

    async def show_calls(self, request: web.Request) -> web.Response:
        """Show the totals and the calls; ``?after=N`` leaves out the first N calls, ``?calls=0`` all."""
        query = request.query
        first = int(query["after"]) if query.get("after", "").isdigit() else 0
        calls = [] if query.get("calls") == "0" else self.call_log.calls[first:]
        return _json({**self.call_log.summary(), "calls": calls})

    async def show_conditions(self, request: web.Request) -> web.Response:
        """Show what calls meet now."""
        return _json(self._sky.current(time.monotonic()).model_dump())

    async def change_conditions(self, request: web.Request) -> web.Response:
        """Let calls meet something else from now on; ``{}`` ends it."""
        try:
            members = orjson.loads(await request.read() or b"{}")
            weather = self._sky.apply(dict(members), time.monotonic())
        except (TypeError, ValueError) as error:
            fault = {"message": _faults(error), "type": "invalid_request_error"}
            return _json({"error": fault}, status=400)
        if weather.refuse and weather.seconds and self.refuse_connections:
            await self.refuse_connections(weather.seconds)
        return _json(weather.model_dump())

    async def reset_calls(self, request: web.Request) -> web.Response:
        """Start the books anew."""
        self.call_log.reset()
        return _json(self.call_log.summary())


def _faults(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return f"an object is expected: {error}"
    return "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())


def _json(value: object, *, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json")
