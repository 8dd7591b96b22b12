"""A client that costs little: prepared requests over kept connections, on bare streams."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, TypeVar

import uvloop

from bench.stage import KEY

Result = TypeVar("Result")


@dataclass(slots=True)
class Answers:
    """What came back: seconds of each request, how long all took, and those that were refused."""

    seconds: list[float] = field(default_factory=list)
    refused: list[bytes] = field(default_factory=list)
    lasted: float = 0.0

    @property
    def rate(self) -> float:
        """Answers per second."""
        return len(self.seconds) / self.lasted

    def quantile(self, share: float) -> float:
        """Return the milliseconds within which that share was answered."""
        ordered = sorted(self.seconds)
        return 1000 * ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run on uvloop."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def request(method: str, path: str, body: bytes = b"") -> bytes:
    """Prepare one request."""
    head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {KEY}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Line:
    """One kept connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, port: int) -> "Line":
        """Connect."""
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=2**20))

    async def ask(self, prepared: bytes) -> tuple[int, bytes]:
        """Send a request and return status and body."""
        self._writer.write(prepared)
        head = await self._reader.readuntil(b"\r\n\r\n")
        lowered = head.lower()
        start = lowered.index(b"content-length:") + 15
        body = await self._reader.readexactly(int(lowered[start : lowered.index(b"\r\n", start)]))
        return int(head[9:12]), body

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


async def flood(port: int, prepared: Callable[[int], bytes], *, count: int, lines: int = 32) -> Answers:
    """Send ``count`` requests over so many connections, each as soon as the one before is answered."""
    answers, numbers = Answers(), iter(range(count))
    opened = [await Line.open(port) for _ in range(lines)]

    async def one(line: Line) -> None:
        for number in numbers:
            await _asked(line, prepared(number), answers)

    begun = perf_counter()
    await asyncio.gather(*map(one, opened))
    answers.lasted = perf_counter() - begun
    for line in opened:
        line.close()
    return answers


async def paced(port: int, prepared: Callable[[int], bytes], *, rate: int, seconds: float) -> Answers:
    """Send requests at a fixed rate, answered or not; each is timed from when it was due."""
    answers, free = Answers(), [await Line.open(port) for _ in range(64)]
    begun = perf_counter()

    async def one(number: int, due: float) -> None:
        line = free.pop() if free else await Line.open(port)
        await _asked(line, prepared(number), answers, since=due)
        free.append(line)

    async with asyncio.TaskGroup() as group:
        for number in range(int(rate * seconds)):
            due = begun + number / rate
            await asyncio.sleep(max(due - perf_counter(), 0))
            group.create_task(one(number, due))
    answers.lasted = perf_counter() - begun
    for line in free:
        line.close()
    return answers


async def _asked(line: Line, prepared: bytes, answers: Answers, since: float | None = None) -> None:
    begun = since if since is not None else perf_counter()
    status, body = await line.ask(prepared)
    answers.seconds.append(perf_counter() - begun)
    if status >= 400:
        answers.refused.append(body)
