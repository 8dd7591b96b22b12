"""A provider with asynchronous tasks: polled by a public link or by task id."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from worker.practice.drawing.png import tiny_png

TASK = "task_01abc"
CUT, HANG, WHOLE = "cut", "hang", "whole"  # how a stream ends
PNG = tiny_png("a cat", 1)


class TaskProvider:
    """Sends the responses that a test sets: for calls, and in turn for each path."""

    def __init__(self) -> None:
        self.url = ""
        self.calls = 0
        self.requests: list[tuple[str, str | None]] = []  #: (path, key) of everything but calls
        self.responses: dict[str, list[tuple[int, Any]]] = defaultdict(list)  #: by path; the last one repeats
        self.taken: dict[str, Any] = {"task_id": TASK}  #: the answer to a call that it takes as a task
        self.streamed: list[str] = []  #: what a call streams; empty: it takes the request as a task
        self.stream_end = CUT
        self.on_request: Callable[[], None] = lambda: None

    @property
    def link(self) -> str:
        """Public link to the state of the task."""
        return f"{self.url}/source/{TASK}"

    def picture(self, name: str = "a.png") -> str:
        """Serve an image from now on; return its URL."""
        self.responses[f"/pictures/{name}"] = [(200, PNG)]
        return f"{self.url}/pictures/{name}"

    def respond_with_stream(self, *texts: str, ending: str = CUT) -> None:
        """Set the texts that calls stream, and how the stream ends."""
        self.streamed, self.stream_end = list(texts), ending

    def respond(self, path: str, *answers: Any) -> None:
        """Set the responses of a path: one after the other, the last one repeats."""
        pairs = [answer if isinstance(answer, tuple) else (200, answer) for answer in answers]
        self.responses[path] = pairs

    def keys(self, path: str) -> list[str | None]:
        """Return the API keys of the requests to a path, in order."""
        return [key for requested, key in self.requests if requested == path]

    async def chat(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        self.calls += 1
        if not self.streamed:
            return web.json_response(self.taken)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for text in self.streamed:
            event = {"choices": [{"index": 0, "delta": {"content": text}}]}
            await response.write(f"data: {json.dumps(event)}\n\n".encode())
        if self.stream_end == HANG:
            await asyncio.Event().wait()
        elif self.stream_end == WHOLE:
            await response.write(b"data: [DONE]\n\n")
        elif request.transport is not None:
            request.transport.close()
        return response

    async def show(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.path, request.headers.get("Authorization")))
        self.on_request()
        answers = self.responses[request.path]
        status, body = (404, b"") if not answers else answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(body, bytes):
            return web.Response(status=status, body=body)
        return web.json_response(body, status=status)


@asynccontextmanager
async def task_provider() -> AsyncIterator[TaskProvider]:
    """Serve on a free port."""
    provider = TaskProvider()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", provider.chat)
    app.router.add_get("/{path:.*}", provider.show)
    runner = web.AppRunner(app, shutdown_timeout=0, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        provider.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield provider
    finally:
        await runner.cleanup()
