"""Body of a request: bounded while it is received, within its caller's share of memory."""

import asyncio
from dataclasses import dataclass
from uuid import UUID

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope

from api.web.body_budget import BodyBudget
from api.web.problems import Problem

_KEY = "darkroom.body"  # of an ASGI scope
_LARGE = 2**20  # bytes
_DRAIN_FACTOR = 4  # an unread body is discarded up to this multiple of the limit


@dataclass(frozen=True, slots=True)
class BodyLimit:
    """Bytes of one body at most, and the setting that says so."""

    bytes: int
    setting: str = "request_body_limit"


class RequestBody:
    """Receives the body of one request up to a limit, and discards what an early response leaves unread.

    It is the ``receive`` of its request, and ``body_of`` finds it in the request's scope.
    """

    def __init__(
        self, scope: Scope, receive: Receive, *, limit: BodyLimit, budget: BodyBudget, drain_timeout: float
    ) -> None:
        scope[_KEY] = self
        headers = dict(scope["headers"])
        self._budget, self._reserved = budget, list[tuple[UUID, int]]()
        self._receive, self._limit, self._setting = receive, limit.bytes, limit.setting
        self._drain_timeout = drain_timeout
        length = headers.get(b"content-length", b"")
        self._declared = int(length) if length.isdigit() and len(length) < 20 else 0
        self._expects_continue = headers.get(b"expect", b"").lower() == b"100-continue"
        self._complete = not self._declared and b"transfer-encoding" not in headers
        self._received = 0

    async def __call__(self) -> Message:
        """Receive a part of the body. Raises the 413 problem beyond the limit, whether declared or not."""
        message = await self._receive_part()
        if self._received > self._limit:
            raise _too_large(self._limit, self._setting)
        return message

    async def read(self, owner: UUID, limit: int, setting: str) -> bytes:
        """Return the whole body, once the budget of its owner has room for it.

        Raises the 413 problem beyond ``limit`` bytes, which ``setting`` sets, and ``ClientDisconnect``.
        """
        if self._declared > limit:
            raise _too_large(limit, setting)
        size = self._declared or (0 if self._complete else limit)
        await self._budget.reserve(owner, size)
        self._reserved.append((owner, size))
        parts, received = list[bytes](), 0
        while not self._complete:
            message = await self()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            parts.append(message.get("body", b""))
            received += len(parts[-1])
            if received > limit:
                raise _too_large(limit, setting)
        # bytes of more than a megabyte are joined without the interpreter's lock
        return await asyncio.to_thread(b"".join, parts) if received > _LARGE else b"".join(parts)

    def release(self) -> None:
        """Return the body's share of the budget: its content is not needed any more."""
        while self._reserved:
            self._budget.release(*self._reserved.pop())

    def check_declared(self) -> None:
        """Raise the 413 problem if Content-Length exceeds the limit."""
        if self._declared > self._limit:
            raise _too_large(self._limit, self._setting)

    async def drain(self) -> bool:
        """Discard the rest of the body. Returns whether it has been received completely.

        Simple clients read the response only once they have sent the whole body. If the connection ended
        before, they would see it break and never read the response.
        """
        most = _DRAIN_FACTOR * self._limit
        waits_for_continue = self._expects_continue and not self._received
        if not self._complete and (self._declared > most or waits_for_continue):
            return False
        try:
            while not self._complete and self._received <= most:
                async with asyncio.timeout(self._drain_timeout):
                    await self._receive_part()
        except TimeoutError:
            return False
        return self._complete

    async def wait_for_disconnect(self) -> None:
        """Return once the client has gone; what it still sends is discarded."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _receive_part(self) -> Message:
        message = await self._receive()
        self._received += len(message.get("body", b""))
        self._complete = not message.get("more_body", False)
        return message


def body_of(scope: Scope) -> RequestBody:
    """Return the body of a request that ``RequestMiddleware`` serves."""
    body: RequestBody = scope[_KEY]
    return body


def _too_large(limit: int, setting: str) -> Problem:
    detail = f"The body is larger than {limit:,} bytes; the operator sets this limit with"
    return Problem(413, "body_too_large", f"{detail} DARKROOM_{setting.upper()}.")
