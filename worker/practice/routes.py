"""The doors of the practice provider."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import orjson
from aiohttp import web
from pydantic import ValidationError

from models.errors import InvalidRequest
from worker.practice.call_log import Ledger, LedgerCall
from worker.practice.chat_completions import Studio
from worker.practice.conditions import Sky
from worker.practice.error_responses import limited
from worker.practice.images import cut_short
from worker.practice.limits import Limits
from worker.practice.options import PracticeOptions
from worker.practice.outside import Outside
from worker.practice.performing import perform
from worker.practice.request_parser import Asked, read_call

_LARGEST_BODY = 256 * 2**20  # input pictures come as data URLs
_MODELS = {"object": "list", "data": [{"id": "practice-image", "object": "model", "owned_by": "practice"}]}


class Routes:
    """What each address does."""

    def __init__(self, options: PracticeOptions) -> None:
        self.ledger = Ledger()
        self.studio = Studio(options)
        self.shut: Callable[[float], Awaitable[None]] | None = None  #: refuses connections for some seconds
        self._options = options
        self._sky = Sky(options)
        self._limits = Limits()
        self.closing = False  #: whether calls that break off now do so because of us

    def app(self) -> web.Application:
        """Return the application with all addresses."""
        app = web.Application(client_max_size=_LARGEST_BODY)
        app.add_routes(
            [
                web.post("/v1/chat/completions", self.chat),
                web.get("/v1/models", self.models),
                web.get("/pictures/{name}", self.picture),
                web.get("/ledger", self.books),
                web.get("/practice/ledger", self.books),
                web.post("/ledger/reset", self.reset),
                web.get("/practice/weather", self.weather),
                web.post("/practice/weather", self.change_weather),
                *Outside(self.studio, self.ledger, self._options.picture).addresses(),
            ]
        )
        return app

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """Answer a call, and keep the books about it."""
        try:
            asked = read_call(await request.read(), self._options.wish)
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
        call = self.ledger.open(
            asked.prompt, model=asked.model, stream=asked.stream, key=key, idempotency_key=again
        )
        try:
            return await self._answered(request, asked, call, key)
        except asyncio.CancelledError:
            self.ledger.close(call, aborted=not self.closing)
            raise
        except ConnectionError:
            self.ledger.close(call, aborted=True)
            return web.Response()  # nobody will read it
        finally:
            self.ledger.close(call)

    async def _answered(
        self, request: web.Request, asked: Asked, call: LedgerCall, key: str | None
    ) -> web.StreamResponse:
        weather = self._sky.at(call.received)
        wait = self._limits.enter(key, call.received, weather)
        if wait is not None:
            call.outcome = "limited"
            answer = limited(wait, weather.announce, limit=weather.rpm or weather.concurrency)
            return await perform(request, answer, ping=self._options.ping)
        try:
            base_url = f"{request.scheme}://{request.host}"
            script = await self.studio.answer(asked, call, base_url, weather)
            return await perform(request, script, ping=self._options.ping)
        finally:
            self._limits.leave(key)

    async def models(self, request: web.Request) -> web.Response:
        """List the models; calls may name any other, too."""
        return _json(_MODELS)

    async def picture(self, request: web.Request) -> web.Response:
        """Make and send a picture that an answer linked to."""
        exhibit = self.studio.gallery.find(request.match_info["name"])
        fault = exhibit.next_fault() if exhibit else "dead_link"
        if exhibit is None or fault == "dead_link":
            return web.Response(status=404, text="404 page not found\n")
        png = await self.studio.make(exhibit.recipe)
        return web.Response(body=cut_short(png) if fault else png, content_type="image/png")

    async def books(self, request: web.Request) -> web.Response:
        """Show the totals and the calls; ``?after=N`` leaves out the first N calls, ``?calls=0`` all."""
        query = request.query
        first = int(query["after"]) if query.get("after", "").isdigit() else 0
        calls = [] if query.get("calls") == "0" else self.ledger.calls[first:]
        return _json({**self.ledger.summary(), "calls": calls})

    async def weather(self, request: web.Request) -> web.Response:
        """Show what calls meet now."""
        return _json(self._sky.at(time.monotonic()).model_dump())

    async def change_weather(self, request: web.Request) -> web.Response:
        """Let calls meet something else from now on; ``{}`` ends it."""
        try:
            members = orjson.loads(await request.read() or b"{}")
            weather = self._sky.change(dict(members), time.monotonic())
        except (TypeError, ValueError) as error:
            fault = {"message": _faults(error), "type": "invalid_request_error"}
            return _json({"error": fault}, status=400)
        if weather.refuse and weather.seconds and self.shut:
            await self.shut(weather.seconds)
        return _json(weather.model_dump())

    async def reset(self, request: web.Request) -> web.Response:
        """Start the books anew."""
        self.ledger.reset()
        return _json(self.ledger.summary())


def _faults(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return f"an object is expected: {error}"
    return "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())


def _json(value: object, *, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json")
