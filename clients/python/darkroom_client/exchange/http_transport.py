"""The two transports over httpx: one that blocks, and one for an event loop."""

import asyncio
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

from darkroom_client.configuration import Configuration
from darkroom_client.errors import ConnectionFailed
from darkroom_client.exchange.messages import Request, Response

T = TypeVar("T")
_CONNECT_TIMEOUT = 5.0  # seconds
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_IN_PIECES = frozenset({httpx.codes.OK, httpx.codes.PARTIAL_CONTENT})
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


def run_blocking(steps: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never suspends, as all are over ``SyncTransport``."""
    try:
        steps.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    steps.close()
    raise RuntimeError("a synchronous operation was suspended")


class SyncTransport:
    """Transport that blocks. Safe for threads, as httpx's client is."""

    def __init__(
        self, configuration: Configuration, http_transport: httpx.BaseTransport | None = None
    ) -> None:
        self._configuration = configuration
        self._http = httpx.Client(
            trust_env=_uses_proxies(configuration), transport=http_transport, follow_redirects=False
        )

    async def send(self, request: Request) -> Response:
        """Send a request and return its response, whole."""
        with _translated(self._configuration, request):
            return _response_of(self._http.request(**_arguments(request)))

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator["_SyncStream"]:
        """Send a request and read its response in pieces."""
        with (
            _translated(self._configuration, request),
            self._http.stream(**_arguments(request)) as response,
        ):
            if response.status_code not in _IN_PIECES:
                response.read()
            yield _SyncStream(response)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)  # noqa: ASYNC251 - this transport blocks

    def now(self) -> float:
        """Return a time in seconds that never goes back."""
        return time.monotonic()

    async def read_file(self, path: Path) -> bytes:
        """Return a file's content."""
        return path.read_bytes()  # noqa: ASYNC240 - the same

    async def write_file(self, path: Path, content: bytes) -> None:
        """Write a file; there is never a part of one."""
        _replace_file(path, content)

    async def append_file(self, path: Path, content: bytes, *, at: int) -> None:
        """Write at this byte of a file, which ends after it."""
        _append_file(path, content, at)

    async def move_file(self, source: Path, target: Path) -> None:
        """Move a file to another name of its folder."""
        source.replace(target)  # noqa: ASYNC240 - the same

    async def delete_file(self, path: Path) -> None:
        """Delete a file, if it is there."""
        path.unlink(missing_ok=True)  # noqa: ASYNC240 - the same

    async def file_size(self, path: Path) -> int | None:
        """Return the bytes of a file, if it is there."""
        return _file_size(path)

    async def is_folder(self, path: Path) -> bool:
        """Return whether a path is a folder."""
        return path.is_dir()  # noqa: ASYNC240 - the same

    async def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def run(self, steps: Coroutine[Any, Any, T]) -> T:
        """Return the result of an operation."""
        return run_blocking(steps)

    def iterate(self, items: AsyncIterator[T]) -> Iterator[T]:
        """Yield the items of a stream; closing the iterator closes the stream."""
        try:
            while True:
                try:
                    yield run_blocking(_next(items))
                except StopAsyncIteration:
                    return
        finally:
            run_blocking(_close(items))


class AsyncTransport:
    """Transport for asyncio."""

    def __init__(
        self, configuration: Configuration, http_transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._configuration = configuration
        self._http = httpx.AsyncClient(
            trust_env=_uses_proxies(configuration), transport=http_transport, follow_redirects=False
        )

    async def send(self, request: Request) -> Response:
        """Send a request and return its response, whole."""
        with _translated(self._configuration, request):
            return _response_of(await self._http.request(**_arguments(request)))

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator["_AsyncStream"]:
        """Send a request and read its response in pieces."""
        with _translated(self._configuration, request):
            async with self._http.stream(**_arguments(request)) as response:
                if response.status_code not in _IN_PIECES:
                    await response.aread()
                yield _AsyncStream(response)

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    def now(self) -> float:
        """Return a time in seconds that never goes back."""
        return time.monotonic()

    async def read_file(self, path: Path) -> bytes:
        """Return a file's content."""
        return await asyncio.to_thread(path.read_bytes)

    async def write_file(self, path: Path, content: bytes) -> None:
        """Write a file; there is never a part of one."""
        await asyncio.to_thread(_replace_file, path, content)

    async def append_file(self, path: Path, content: bytes, *, at: int) -> None:
        """Write at this byte of a file, which ends after it."""
        await asyncio.to_thread(_append_file, path, content, at)

    async def move_file(self, source: Path, target: Path) -> None:
        """Move a file to another name of its folder."""
        await asyncio.to_thread(source.replace, target)

    async def delete_file(self, path: Path) -> None:
        """Delete a file, if it is there."""
        await asyncio.to_thread(lambda: path.unlink(missing_ok=True))

    async def file_size(self, path: Path) -> int | None:
        """Return the bytes of a file, if it is there."""
        return await asyncio.to_thread(_file_size, path)

    async def is_folder(self, path: Path) -> bool:
        """Return whether a path is a folder."""
        return await asyncio.to_thread(path.is_dir)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    def run(self, steps: Coroutine[Any, Any, T]) -> Coroutine[Any, Any, T]:
        """Return the operation, to be awaited."""
        return steps

    def iterate(self, items: AsyncIterator[T]) -> AsyncIterator[T]:
        """Return the stream."""
        return items


@dataclass(frozen=True, slots=True)
class _SyncStream:
    response: httpx.Response

    @property
    def head(self) -> Response:
        return _head_of(self.response)

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        for piece in self.response.iter_bytes():
            yield piece


@dataclass(frozen=True, slots=True)
class _AsyncStream:
    response: httpx.Response

    @property
    def head(self) -> Response:
        return _head_of(self.response)

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        async for piece in self.response.aiter_bytes():
            yield piece


async def _next(items: AsyncIterator[T]) -> T:
    return await anext(items)


async def _close(items: AsyncIterator[Any]) -> None:
    if close := getattr(items, "aclose", None):
        await close()


def _arguments(request: Request) -> dict[str, Any]:
    return {
        "method": request.method,
        "url": request.url,
        "headers": dict(request.headers),
        "content": request.content,
        "timeout": httpx.Timeout(request.timeout, connect=min(request.timeout, _CONNECT_TIMEOUT)),
    }


def _response_of(response: httpx.Response) -> Response:
    return Response(response.status_code, _headers_of(response), response.content)


def _head_of(response: httpx.Response) -> Response:
    content = b"" if response.status_code in _IN_PIECES else response.content
    return Response(response.status_code, _headers_of(response), content)


def _headers_of(response: httpx.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


@contextmanager
def _translated(configuration: Configuration, request: Request) -> Iterator[None]:
    """Raise httpx's errors as ``ConnectionFailed``."""
    ours = urlsplit(request.url).netloc == configuration.origin[1]
    server = configuration.base_url if ours else request.url
    try:
        yield
    except httpx.TimeoutException as error:
        message = f"{server} did not answer in time."
        raise ConnectionFailed(message, sent=not isinstance(error, _UNSENT)) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        message = f"{server} can't be reached: {_reason(error)}."
        raise ConnectionFailed(message, sent=not isinstance(error, _UNSENT)) from error


def _reason(error: Exception) -> str:
    words = re.sub(r"^\[Errno -?\d+\] ", "", str(error).strip())
    return words.rstrip(".") or type(error).__name__


def _uses_proxies(configuration: Configuration) -> bool:
    """Return whether a proxy of the environment may be used; none can reach this machine."""
    return urlsplit(configuration.base_url).hostname not in _LOOPBACK


def _replace_file(path: Path, content: bytes) -> None:
    part = path.with_name(f".{path.name}.{token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            file.write(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _append_file(path: Path, content: bytes, at: int) -> None:
    with path.open("r+b" if at else "wb") as file:
        file.seek(at)
        file.write(content)
        file.truncate()


def _file_size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        return None
