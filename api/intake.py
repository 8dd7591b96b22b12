"""Receiving a request's body up to a limit, and throwing away what an early answer leaves of it."""

import asyncio

from starlette.types import Message, Receive, Scope

from api.web.problems import Problem

_SPARE = 4  # times the limit is thrown away at most


class Intake:
    """Receives one request's body. ``patience``: seconds that a client may pause in what is thrown away."""

    def __init__(self, scope: Scope, receive: Receive, *, limit: int, patience: float) -> None:
        headers = dict(scope["headers"])
        self._receive, self._limit, self._patience = receive, limit, patience
        self._declared = _number(headers.get(b"content-length", b""))
        self._asks = headers.get(b"expect", b"").lower() == b"100-continue"
        self._whole = not self._declared and b"transfer-encoding" not in headers
        self._taken = 0

    async def __call__(self) -> Message:
        """Receive a piece. Raises the 413 problem for what goes beyond the limit, declared or not."""
        message = await self._next()
        if self._taken > self._limit:
            raise self._too_large()
        return message

    def check(self) -> None:
        """Raise the 413 problem for a body that says by itself that it is too large."""
        if self._declared > self._limit:
            raise self._too_large()

    async def finish(self) -> bool:
        """Throw away what is still to come of the body; tell whether that was all.

        Simple clients look for an answer only once they have sent all. If the connection ended before, they
        would see it break, and never learn why.
        """
        most = _SPARE * self._limit
        if not self._whole and (self._declared > most or (self._asks and not self._taken)):
            return False
        try:
            while not self._whole and self._taken <= most:
                async with asyncio.timeout(self._patience):
                    await self._next()
        except TimeoutError:
            return False
        return self._whole

    async def _next(self) -> Message:
        message = await self._receive()
        self._taken += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        return message

    def _too_large(self) -> Problem:
        return Problem(413, "body_too_large", f"The body is larger than {self._limit:,} bytes.")


def _number(text: bytes) -> int:
    return int(text) if text.isdigit() and len(text) < 20 else 0
