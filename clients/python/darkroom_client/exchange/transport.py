"""What the core needs of the outside: HTTP, time, files. Its coroutines never touch these themselves."""

from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Protocol

from darkroom_client.exchange.messages import Request, Response


class ResponseStream(Protocol):
    """A response whose body comes in pieces."""

    @property
    def head(self) -> Response:
        """Status and headers; the whole body, if the status is not 200 or 206."""
        ...

    def pieces(self) -> AsyncGenerator[bytes, None]:
        """Yield the body. Raises ``ConnectionFailed``."""
        ...


class Transport(Protocol):
    """Effects, as coroutines. Those of a synchronous transport block and never suspend.

    Errors of HTTP are raised as ``ConnectionFailed``; those of files stay ``OSError``.
    """

    async def send(self, request: Request) -> Response:
        """Send a request and return its response, whole."""
        ...

    def stream(self, request: Request) -> AbstractAsyncContextManager[ResponseStream]:
        """Send a request and read its response in pieces."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...

    def now(self) -> float:
        """Return a time in seconds that never goes back."""
        ...

    async def read_file(self, path: Path) -> bytes:
        """Return a file's content."""
        ...

    async def write_file(self, path: Path, content: bytes) -> None:
        """Write a file; there is never a part of one."""
        ...

    async def append_file(self, path: Path, content: bytes, *, at: int) -> None:
        """Write at this byte of a file, which ends after it; at 0 it is made if there is none."""
        ...

    async def move_file(self, source: Path, target: Path) -> None:
        """Move a file to another name of its folder, in place of what is there."""
        ...

    async def delete_file(self, path: Path) -> None:
        """Delete a file, if it is there."""
        ...

    async def file_size(self, path: Path) -> int | None:
        """Return the bytes of a file; ``None``: there is none."""
        ...

    async def is_folder(self, path: Path) -> bool:
        """Return whether a path is a folder."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...

    def run(self, steps: Coroutine[Any, Any, Any]) -> Any:
        """Return what a caller of an operation gets: its result, or an awaitable of it."""
        ...

    def iterate(self, items: AsyncIterator[Any]) -> Any:
        """Return what a caller of a stream gets: an iterator, or an asynchronous one."""
        ...
