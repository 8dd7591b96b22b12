"""HTTP routes of the practice provider."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import orjson
from aiohttp import web
from pydantic import ValidationError

from models.errors import InvalidRequest
from worker.practice.async_tasks import TASK_PATHS, published_body, raw_data_body, task_status_body
from worker.practice.call_log import CallLog, LoggedCall
from worker.practice.chat_completions import ChatCompletions
from worker.practice.conditions import ConditionControl, HiddenLimits
from worker.practice.drawing.render import ImageMode
from worker.practice.error_responses import rate_limit_response
from worker.practice.images import FOREIGN_PREFIX, content_at, task_id_at, truncate_png
from worker.practice.images_api.calls import images_request, read_images_call
from worker.practice.options import PracticeOptions
from worker.practice.request_parser import ParsedRequest, parse_request
from worker.practice.script import play


class LinkedRoutes:
    """Routes that replayed responses link to: foreign images and asynchronous tasks."""

    def __init__(self, completions: ChatCompletions, call_log: CallLog, mode: ImageMode) -> None:
        self._completions, self._call_log, self._mode = completions, call_log, mode
        self.kill_worker: Callable[[], None] | None = None  #: of the demo

    def definitions(self) -> list[web.RouteDef]:
        """Return the route definitions."""
        return [
            web.get(FOREIGN_PREFIX + "{address:.*}", self.foreign),
            web.get("/source/{task}", self.source),
            web.get("/v1/{path:images/tasks|tasks|images/generations|responses}/{task}", self.task),
        ]

    async def foreign(self, request: web.Request) -> web.Response:
        """Send the content of a foreign URL."""
        address = request.raw_path.removeprefix(FOREIGN_PREFIX)
        if task := task_id_at(address):
            return self._raw_data(request, task)
        content = content_at(address, self._mode)
        if isinstance(content, bytes):
            return web.Response(body=content, content_type="video/mp4")
        return web.Response(body=await self._completions.render(content), content_type="image/png")

    async def source(self, request: web.Request) -> web.Response:
        """Answer a raw data link of a task."""
        return self._raw_data(request, request.match_info["task"])

    async def task(self, request: web.Request) -> web.Response:
        """Answer a status request of a task."""
        task, path = request.match_info["task"], request.match_info["path"]
        published = self._completions.tasks.published.get(task)
        if path != (TASK_PATHS[published.dialect] if published else "images/tasks"):
            return _task_response(None)
        done = self._completions.tasks.poll(task)
        self._call_log.record_poll(task, done=done)
        if self.kill_worker and task in self._completions.tasks.killing:
            self._completions.tasks.killing.discard(task)
            self.kill_worker()
        if done is not None and published is not None:
            return _task_response(published_body(task, published, done=done))
        return _task_response(
            None if done is None else task_status_body(task, done=done, base_url=_base_url(request))
        )

    def _raw_data(self, request: web.Request, task: str) -> web.Response:
        done = self._completions.tasks.poll(task)
        self._call_log.record_poll(task, done=done)
        return _task_response(
            None if done is None else raw_data_body(task, done=done, base_url=_base_url(request))
        )


def _base_url(request: web.Request) -> str:
    return f"{request.scheme}://{request.host}"


def _task_response(value: object) -> web.Response:
    status, body = (404, {"error": "task not found"}) if value is None else (200, value)
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json")


_LARGEST_BODY = 256 * 2**20  # input images arrive as data URLs
_MODELS = {"object": "list", "data": [{"id": "practice-image", "object": "model", "owned_by": "practice"}]}


class Routes:
    """All routes, and the state that they share."""

    def __init__(self, options: PracticeOptions) -> None:
        self.call_log = CallLog()
        self.completions = ChatCompletions(options)
        self.refuse_connections: Callable[[float], Awaitable[None]] | None = None  #: for so many seconds
        self._options = options
        self.linked = LinkedRoutes(self.completions, self.call_log, options.picture)
        self._conditions = ConditionControl(options)
        self._limits = HiddenLimits()
        self.closing = False  #: whether calls are cancelled by the server's own shutdown

    def build_app(self) -> web.Application:
        """Return the application with all routes."""
        app = web.Application(client_max_size=_LARGEST_BODY)
        app.add_routes(
            [
                web.post("/v1/chat/completions", self.chat),
                web.post("/v1/images/generations", self.images),
                web.post("/v1/images/edits", self.images),
                web.get("/v1/models", self.models),
                web.get("/pictures/{name}", self.picture),
                web.get("/ledger", self.show_calls),
                web.get("/practice/ledger", self.show_calls),
                web.post("/ledger/reset", self.reset_calls),
                web.get("/practice/weather", self.show_conditions),
                web.post("/practice/weather", self.change_conditions),
                *self.linked.definitions(),
            ]
        )
        return app

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """Answer a call and record it in the call log."""
        try:
            parsed = parse_request(await request.read(), self._options.request_defaults, self._options.style)
        except InvalidRequest as error:
            return _refusal(error)
        return await self._answer(request, parsed, "chat/completions", 0, masked=False)

    async def images(self, request: web.Request) -> web.StreamResponse:
        """Answer a call of the images endpoints, and record it in the call log."""
        try:
            call = await read_images_call(request)
            parsed = images_request(call, self._options.request_defaults, self._options.style)
        except InvalidRequest as error:
            return _refusal(error)
        endpoint = request.path.removeprefix("/v1/")
        return await self._answer(request, parsed, endpoint, call.inputs, masked=call.masked)

    async def _answer(
        self, request: web.Request, parsed: ParsedRequest, endpoint: str, inputs: int, *, masked: bool
    ) -> web.StreamResponse:
        headers = request.headers
        key = headers.get("Authorization", "").removeprefix("Bearer ") or None
        idempotency_key = headers.get("Idempotency-Key", "").encode("utf-8", "replace").decode() or None
        call = self.call_log.open(
            parsed.prompt, model=parsed.model, stream=parsed.stream, key=key, idempotency_key=idempotency_key
        )
        call.endpoint, call.inputs, call.masked = endpoint, inputs, masked
        try:
            return await self._respond(request, parsed, call, key)
        except asyncio.CancelledError:
            self.call_log.close(call, aborted=not self.closing)
            raise
        except ConnectionError:
            self.call_log.close(call, aborted=True)
            return web.Response()  # the client has disconnected
        finally:
            self.call_log.close(call)

    async def _respond(
        self, request: web.Request, parsed: ParsedRequest, call: LoggedCall, key: str | None
    ) -> web.StreamResponse:
        conditions = self._conditions.current(call.received)
        wait = self._limits.acquire(key, call.received, conditions)
        if wait is not None:
            call.outcome = "limited"
            script = rate_limit_response(
                wait, conditions.announce, limit=conditions.rpm or conditions.concurrency
            )
            return await play(request, script, ping=self._options.ping)
        try:
            script = await self.completions.respond(parsed, call, _base_url(request), conditions)
            return await play(request, script, ping=self._options.ping)
        finally:
            self._limits.release(key)

    async def models(self, request: web.Request) -> web.Response:
        """List the models; calls may name any other as well."""
        return _json(_MODELS)

    async def picture(self, request: web.Request) -> web.Response:
        """Render and send an image that a response linked to."""
        image = self.completions.image_host.find(request.match_info["name"])
        fault = image.next_fault() if image else "dead_link"
        if image is None or fault == "dead_link":
            return web.Response(status=404, text="404 page not found\n")
        png = await self.completions.render(image.recipe)
        return web.Response(body=truncate_png(png) if fault else png, content_type="image/png")

    async def show_calls(self, request: web.Request) -> web.Response:
        """Return totals and calls; ``?after=N`` omits the first N calls, ``?calls=0`` all calls."""
        query = request.query
        first = int(query["after"]) if query.get("after", "").isdigit() else 0
        calls = [] if query.get("calls") == "0" else self.call_log.calls[first:]
        return _json({**self.call_log.summary(), "calls": calls})

    async def show_conditions(self, request: web.Request) -> web.Response:
        """Return the current conditions."""
        return _json(self._conditions.current(time.monotonic()).model_dump())

    async def change_conditions(self, request: web.Request) -> web.Response:
        """Apply new conditions; ``{}`` restores the defaults."""
        try:
            members = orjson.loads(await request.read() or b"{}")
            conditions = self._conditions.apply(dict(members), time.monotonic())
        except (TypeError, ValueError) as error:
            body = {"message": _message(error), "type": "invalid_request_error"}
            return _json({"error": body}, status=400)
        if conditions.refuse and conditions.seconds and self.refuse_connections:
            await self.refuse_connections(conditions.seconds)
        return _json(conditions.model_dump())

    async def reset_calls(self, request: web.Request) -> web.Response:
        """Clear the call log."""
        self.call_log.reset()
        return _json(self.call_log.summary())


def _refusal(error: InvalidRequest) -> web.Response:
    body = {"message": str(error), "type": "invalid_request_error", "param": error.field, "code": None}
    return _json({"error": body}, status=400)


def _message(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return f"an object is expected: {error}"
    return "; ".join(f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}" for detail in error.errors())


def _json(value: object, *, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json")
