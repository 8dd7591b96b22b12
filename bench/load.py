"""Load generator: prepared requests over persistent connections, on bare streams."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, TypeVar

import uvloop

from bench.servers import KEY

Result = TypeVar("Result")


@dataclass(slots=True)
class Responses:
    """Responses: seconds of each request, the whole duration, and the bodies of refusals."""

    seconds: list[float] = field(default_factory=list)
    refused: list[bytes] = field(default_factory=list)
    duration: float = 0.0

    @property
    def rate(self) -> float:
        """Responses per second."""
        return len(self.seconds) / self.duration

    def quantile(self, share: float) -> float:
        """Return the milliseconds within which this share was answered."""
        ordered = sorted(self.seconds)
        return 1000 * ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine on uvloop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def request(method: str, path: str, body: bytes = b"") -> bytes:
    """Prepare one request."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {KEY}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Connection:
    """One persistent connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> "Connection":
        """Connect."""
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=2**20))

    async def request(self, prepared: bytes) -> tuple[int, bytes]:
        """Send a request and return status and body."""
        self._writer.write(prepared)
        head = await self._reader.readuntil(b"\r\n\r\n")
        lowered = head.lower()
        start = lowered.index(b"content-length:") + 15
        body = await self._reader.readexactly(int(lowered[start : lowered.index(b"\r\n", start)]))
        return int(head[9:12]), body

    @property
    def is_closed(self) -> bool:
        """Whether the server has closed it."""
        return self._reader.at_eof()

    def close(self) -> None:
        """Close the connection."""
        self._writer.close()


async def flood(
    port: int,
    prepared: Callable[[int], bytes],
    *,
    count: int,
    connections: int = 32,
    bodies: list[bytes] | None = None,
) -> Responses:
    """Send ``count`` requests, one at a time on each connection; ``bodies``: takes those of the responses."""
    responses, numbers = Responses(), iter(range(count))
    opened = [await Connection.open(port) for _ in range(connections)]

    async def one(connection: Connection) -> None:
        for number in numbers:
            body = await _timed_request(connection, prepared(number), responses)
            if bodies is not None:
                bodies.append(body)

    begun = perf_counter()
    await asyncio.gather(*map(one, opened))
    responses.duration = perf_counter() - begun
    for connection in opened:
        connection.close()
    return responses


async def paced(port: int, prepared: Callable[[int], bytes], *, rate: int, seconds: float) -> Responses:
    """Send requests at a fixed rate, whether answered or not; each is timed from its due time."""
    responses, free = Responses(), [await Connection.open(port) for _ in range(64)]
    begun = perf_counter()

    async def one(number: int, due: float) -> None:
        connection = free.pop() if free else await Connection.open(port)
        if connection.is_closed:  # the server closes those that nothing uses for some seconds
            connection = await Connection.open(port)
        await _timed_request(connection, prepared(number), responses, since=due)
        free.append(connection)

    async with asyncio.TaskGroup() as group:
        for number in range(int(rate * seconds)):
            due = begun + number / rate
            await asyncio.sleep(max(due - perf_counter(), 0))
            group.create_task(one(number, due))
    responses.duration = perf_counter() - begun
    for connection in free:
        connection.close()
    return responses


async def _timed_request(
    connection: Connection, prepared: bytes, responses: Responses, since: float | None = None
) -> bytes:
    begun = since if since is not None else perf_counter()
    status, body = await connection.request(prepared)
    responses.seconds.append(perf_counter() - begun)
    if status >= 400:
        responses.refused.append(body)
    return body
