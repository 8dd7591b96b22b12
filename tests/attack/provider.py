"""Hostile provider, a host of its pictures, and internal services. Each call is answered by its prompt."""

import asyncio
import base64
import json
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from tests.attack.namespace import PICTURE_HOST
from worker.practice.drawing.png import tiny_png

Answer = tuple[int, Mapping[str, str], bytes]  #: status, headers, body
JSON = {"content-type": "application/json"}


def completion(content: str, **members: Any) -> Answer:
    """Return a chat completion with this content."""
    message = {"role": "assistant", "content": content}
    body = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], **members}
    return 200, JSON, json.dumps(body).encode()


def image_answer(image: bytes, kind: str = "png") -> Answer:
    """Return a chat completion with an image inside it."""
    return completion(f"![a](data:image/{kind};base64,{base64.b64encode(image).decode()})")


class HostileProvider:
    """Servers in a thread of their own."""

    def __init__(self, *, namespace: bool) -> None:
        self._namespace = namespace
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="hostile provider", daemon=True)
        self._runners: list[web.AppRunner] = []
        self.url = ""
        self.answers: dict[str, Answer] = {}  #: by prompt; without one, a tiny image
        self.calls: Counter[str] = Counter()  #: by prompt
        self.headers: list[Mapping[str, str]] = []  #: of the last calls
        self.redirects: dict[str, str] = {}  #: path → address, of the picture host
        self.fetched: Counter[str] = Counter()  #: paths of the picture host
        self.internal: list[str] = []  #: what reached an internal service

    def start(self) -> None:
        """Start; with a namespace, also the picture host and the internal services."""
        self._thread.start()
        port = self._run(self._serve(self._answer, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{port}"
        if self._namespace:
            self._run(self._serve(self._picture, PICTURE_HOST, 8000))
            self._run(self._serve(self._service, "0.0.0.0", 80))
            self._run(self._serve(self._service, "::1", 80))

    def stop(self) -> None:
        """Stop all servers."""
        for runner in self._runners:
            self._run(runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=30)

    async def _serve(self, handler: Any, host: str, port: int) -> int:
        app = web.Application(client_max_size=2**30)
        app.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        self._runners.append(runner)
        site = web.TCPSite(runner, host, port)
        await site.start()
        sockets = runner.addresses
        return int(sockets[0][1])

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        prompt = _prompt_of(body)
        self.calls[prompt] += 1
        found = self.answers.get(prompt)
        if found is None:
            found = image_answer(tiny_png(prompt, self.calls[prompt]))
        status, headers, content = found
        return web.Response(status=status, headers=headers, body=content)

    async def _picture(self, request: web.Request) -> web.Response:
        self.fetched[request.path] += 1
        if target := self.redirects.get(request.path):
            return web.Response(status=302, headers={"location": target})
        return web.Response(body=tiny_png(request.path, 1), content_type="image/png")

    async def _service(self, request: web.Request) -> web.Response:
        self.internal.append(f"{request.host}{request.path} from {request.remote}")
        return web.Response(text="internal")


def _prompt_of(body: bytes) -> str:
    """Return the text of the last message."""
    try:
        content = json.loads(body)["messages"][-1]["content"]
    except (ValueError, LookupError, TypeError):
        return ""
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content if part.get("type") == "text")
