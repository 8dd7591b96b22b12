"""Practice provider in a thread with its own event loop, so that its drawing does not block the API."""

import asyncio
import threading
from concurrent.futures import Future
from types import TracebackType
from typing import Any

from worker.practice.server import start_practice

_TIMEOUT = 10  #: seconds for the provider to start or to stop


class PracticeServerThread:
    """Practice provider that runs inside a ``with`` statement; ``url`` is its address."""

    def __init__(self, **options: Any) -> None:
        self._options = options
        self._started: Future[str] = Future()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="practice", daemon=True)

    def __enter__(self) -> "PracticeServerThread":
        self._thread.start()
        self.url = self._started.result(_TIMEOUT)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_TIMEOUT)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        try:
            server = await start_practice(**self._options)
        except OSError as error:
            self._started.set_exception(error)
            return
        async with server:
            self._started.set_result(server.url)
            await self._stop.wait()
