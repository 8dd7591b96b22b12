"""Hands chunks of leased jobs to this worker's tasks: by a message, or without one.

A message is only a hint: while the broker does not carry messages, the chunk is run in this process. Whether
it does is measured by a message to itself (echo). A chunk may so be run twice, by a late message too: jobs in
flight are left out of the second run, and their rows refuse it.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import structlog
from prometheus_client import Gauge

from worker.broker.broker_errors import explain_broker_error, meaning_of_broker_error
from worker.broker.celery_app import ECHO
from worker.broker.sender import Sender

_EVERY = 5.0  # seconds between two echoes
_SEND_TIMEOUT = 5.0  # seconds for one message to be published
_ECHO_TIMEOUT = 10.0  # seconds from an echo to its receipt; Celery's threads may be busy
_REMEMBERED = 15.0  # seconds: a lease without a task is released earlier than that
_last_echo = Gauge(
    "darkroom_canary_last_success_timestamp_seconds",
    "When a message of this worker to itself came back last",
    ["queue"],
)
_NO_ECHO = "a message to itself did not come back in time"
_log = structlog.get_logger()

RunChunk = Callable[[str, Sequence[UUID], UUID], Coroutine[Any, Any, None]]  # task name, jobs, lease token


class _Chunk(NamedTuple):
    published_at: float
    task: str
    job_ids: Sequence[UUID]
    lease_token: UUID


class ChunkMessages:
    """Publishes chunks to this worker's own queue while its echoes come back, else runs them here."""

    def __init__(
        self,
        sender: Sender,
        queue: str,
        run: RunChunk,
        *,
        usable: bool | None = None,
        every: float = _EVERY,
        echo_timeout: float = _ECHO_TIMEOUT,
    ) -> None:
        self._sender, self._queue, self._run = sender, queue, run
        self._every, self._echo_timeout = every, echo_timeout
        self._published: deque[_Chunk] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._echoes: dict[str, asyncio.Event] = {}
        self._why = ""  # it was unusable when this was last logged
        self.error: str | None = None  #: why the broker is unusable, in our words; ``None``: it is not
        self.usable = usable  #: whether the broker carries messages; ``None``: not known yet

    async def send_chunk(self, task: str, job_ids: Sequence[UUID], lease_token: UUID) -> None:
        """Give a chunk to a task, by whichever way works."""
        if not self.usable:
            return self.start(task, job_ids, lease_token)
        chunk = _Chunk(time.monotonic(), task, job_ids, lease_token)
        while self._published and chunk.published_at - self._published[0].published_at > _REMEMBERED:
            self._published.popleft()
        self._published.append(chunk)
        arguments = [[key.hex for key in job_ids], lease_token.hex]
        try:
            await self._sender.send(task, arguments, queue=self._queue, timeout=_SEND_TIMEOUT)
        except Exception as error:  # noqa: BLE001 - the broker's edge: transports raise errors of their own
            self._set_unusable(explain_broker_error(error), meaning_of_broker_error(error))

    def start(self, task: str, job_ids: Sequence[UUID], lease_token: UUID) -> None:
        """Start a chunk in this process, without waiting for it."""
        running = asyncio.create_task(self._run(task, job_ids, lease_token), name="chunk")
        self._running.add(running)
        running.add_done_callback(self._forget)

    async def check_forever(self) -> None:
        """Measure again and again whether the broker works, until cancelled."""
        while True:
            await self._check()
            await asyncio.sleep(self._every)

    def echo_received(self, echo: str) -> None:
        """Note that a message to itself has come back."""
        if event := self._echoes.get(echo):
            event.set()

    async def _check(self) -> None:
        echo = uuid4().hex
        received = self._echoes[echo] = asyncio.Event()
        try:
            await self._sender.send(ECHO, [echo], queue=self._queue, timeout=_SEND_TIMEOUT)
            async with asyncio.timeout(self._echo_timeout):
                await received.wait()
        except TimeoutError:
            self._set_unusable(_NO_ECHO, _NO_ECHO)
        except Exception as error:  # noqa: BLE001 - the broker's edge: transports raise errors of their own
            self._set_unusable(explain_broker_error(error), meaning_of_broker_error(error))
        else:
            if self.usable is False:
                _log.info("the broker carries messages again")
            self.usable, self.error = True, None
            _last_echo.labels("worker").set_to_current_time()
        finally:
            del self._echoes[echo]

    def _set_unusable(self, why: str, meaning: str) -> None:
        """Go on without the broker, with the chunks whose messages may be lost first."""
        if self.usable is not False or why not in (self._why, _NO_ECHO):
            _log.error("the broker is unusable; jobs are started by the database alone", error=why)
            self._why = why
        if self.error is None or meaning != _NO_ECHO:  # which follows from an error that is known
            self.error = meaning
        self.usable = False
        while self._published:
            lost = self._published.popleft()
            self.start(lost.task, lost.job_ids, lost.lease_token)

    def _forget(self, ended: asyncio.Task[None]) -> None:
        self._running.discard(ended)
        if not ended.cancelled() and (error := ended.exception()):
            _log.error("a chunk could not be started; its leases are released", error=repr(error)[:300])
