"""The doors of the practice provider."""

import asyncio

import orjson
from aiohttp import web

from models.errors import InvalidRequest
from worker.practice.asking import Asked, read_call
from worker.practice.chat import Studio
from worker.practice.failures import limited
from worker.practice.gallery import cut_short
from worker.practice.ledger import Ledger, LedgerCall
from worker.practice.limits import Limits
from worker.practice.options import PracticeOptions
from worker.practice.performing import perform

_LARGEST_BODY = 256 * 2**20  # input pictures come as data URLs
_MODELS = {"object": "list", "data": [{"id": "practice-image", "object": "model", "owned_by": "practice"}]}


class Routes:
    """What each address does."""

    def __init__(self, options: PracticeOptions) -> None:
        self.ledger = Ledger()
        self.studio = Studio(options)
        self._options = options
        self._limits = Limits(options)
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
                web.post("/ledger/reset", self.reset),
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
        wait = self._limits.enter(key, call.received)
        if wait is not None:
            call.outcome = "limited"
            return await perform(request, limited(wait), ping=self._options.ping)
        try:
            script = await self.studio.answer(asked, call, f"{request.scheme}://{request.host}")
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

    async def reset(self, request: web.Request) -> web.Response:
        """Start the books anew."""
        self.ledger.reset()
        return _json(self.ledger.summary())


def _json(value: object, *, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json")
